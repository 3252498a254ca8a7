"""Click counts in Postgres: by code, by hour, and by day with all its dimensions.

`add_rollup` takes a connection, because counts only make sense together with the receipt: both
change in one transaction or not at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from db import visitor_sketch
from db.pool import Connection

# Values of a dimension per code and day. A click with one more counts as "other": else whoever
# invents a new referrer for each request could fill the disk.
MOST_VALUES: Final = 200
OTHER: Final = "other"


DIMENSIONS: Final = ("referrer", "country", "browser", "os", "device", "language")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A value for each of `DIMENSIONS`, and whether such a click is a bot's.

    Compared by identity, which is fast: that two objects say the same does no harm.
    """

    values: tuple[str, ...]
    is_bot: bool


class Tally(msgspec.Struct, array_like=True, gc=False):
    """How many clicks, and how many of them were made by bots. In JSON: `[clicks, bots]`."""

    clicks: int = 0
    bots: int = 0

    def add(self, clicks: int, bots: int) -> None:
        """Count some more."""
        self.clicks += clicks
        self.bots += bots


class Total(msgspec.Struct, gc=False):
    """Of one code."""

    clicks: int
    bots: int
    last_click_ms: int

    def add(self, clicks: int, bots: int, last_click_ms: int) -> None:
        """Count some more."""
        self.clicks += clicks
        self.bots += bots
        self.last_click_ms = max(self.last_click_ms, last_click_ms)


Dimensions = dict[str, dict[str, Tally]]


@dataclass(slots=True)
class Day:
    """What a batch adds to a code's day."""

    tally: Tally
    looks: dict[Look, int]
    visitors: set[str]

    def add(self, tally: Tally, looks: Mapping[Look, int], visitors: set[str]) -> None:
        """Add another hour of it."""
        self.tally.add(tally.clicks, tally.bots)
        for look, clicks in looks.items():
            self.looks[look] = self.looks.get(look, 0) + clicks
        self.visitors |= visitors

    def dimensions(self) -> Dimensions:
        """The clicks by value, for each dimension."""
        made: Dimensions = {dimension: {} for dimension in DIMENSIONS}
        for look, clicks in self.looks.items():
            bots = clicks if look.is_bot else 0
            for tallies, value in zip(made.values(), look.values, strict=True):
                tally = tallies.get(value)
                if tally is None:
                    tallies[value] = Tally(clicks, bots)
                else:  # without a call: this line runs six times for every click or so
                    tally.clicks += clicks
                    tally.bots += bots
        return made


@dataclass(slots=True)
class Rollup:
    """What a batch of clicks adds to each table. Hours and days are numbers since 1970, in UTC."""

    totals: dict[str, Total] = field(default_factory=dict)
    hours: dict[tuple[str, int], Tally] = field(default_factory=dict)
    days: dict[tuple[str, int], Day] = field(default_factory=dict)


class StoredDay(NamedTuple):
    """A row of `click_days`, as it was before the batch."""

    clicks: int
    bots: int
    dimensions: str  # JSON, empty for a day without clicks
    visitors: bytes


NO_DAY: Final = StoredDay(0, 0, "", b"")

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_totals (
    code text COLLATE "C", clicks bigint, bots bigint, last_click_ms bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_hours (
    code text COLLATE "C", hour bigint, clicks bigint, bots bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_days (
    code text COLLATE "C", day integer, clicks bigint, bots bigint, dimensions json, visitors bytea
) ON COMMIT DELETE ROWS;
-- The planner knows nothing of tables that were filled a moment ago. Always look up by key.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
"""

_ADD_TOTALS = """
INSERT INTO click_totals AS t (code, clicks, bots, last_click_at)
SELECT code, clicks, bots, to_timestamp(last_click_ms / 1000.0) FROM staged_totals ORDER BY code
ON CONFLICT (code) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots,
    last_click_at = greatest(t.last_click_at, excluded.last_click_at)
"""

_ADD_HOURS = """
INSERT INTO click_hours AS t (code, hour, clicks, bots)
SELECT code, to_timestamp(hour * 3600), clicks, bots FROM staged_hours ORDER BY code, hour
ON CONFLICT (code, hour) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots
"""

_READ_DAYS = """
SELECT code, wanted.day, clicks, bots, dimensions::text, visitors
FROM (SELECT DISTINCT code, (hour / 24)::integer AS day FROM staged_hours) AS wanted
JOIN click_days AS d USING (code) WHERE d.day = date '1970-01-01' + wanted.day
"""

_WRITE_DAYS = """
INSERT INTO click_days AS t (code, day, clicks, bots, dimensions, visitors)
SELECT code, date '1970-01-01' + day, clicks, bots, dimensions, visitors
FROM staged_days ORDER BY code, day
ON CONFLICT (code, day) DO UPDATE SET clicks = excluded.clicks, bots = excluded.bots,
    dimensions = excluded.dimensions, visitors = excluded.visitors
"""


def add_rollup(connection: Connection, rollup: Rollup) -> None:
    """Add a batch to the roll-ups, within the caller's transaction.

    The totals come first, in the order of their codes. Their rows are locked from then on, and
    whoever adds to the same codes waits there: so there are no deadlocks, and days can be read,
    merged here and written without losing what another worker has added.
    """
    connection.execute(_STAGE)
    _copy(
        connection,
        "staged_totals",
        (
            f"{_escape(code)}\t{total.clicks}\t{total.bots}\t{total.last_click_ms}\n"
            for code, total in rollup.totals.items()
        ),
    )
    connection.execute(_ADD_TOTALS)
    _copy(
        connection,
        "staged_hours",
        (
            f"{_escape(code)}\t{hour}\t{tally.clicks}\t{tally.bots}\n"
            for (code, hour), tally in rollup.hours.items()
        ),
    )
    connection.execute(_ADD_HOURS)
    stored = _read_days(connection)
    _copy(
        connection,
        "staged_days",
        (_day_row(key, day, stored.get(key, NO_DAY)) for key, day in rollup.days.items()),
    )
    connection.execute(_WRITE_DAYS)


def _copy(connection: Connection, table: str, rows: Iterable[str]) -> None:
    """Arrays as parameters would cost several times as much as all else together."""
    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
        copy.write("".join(rows))


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\") if "\\" in text else text


def _read_days(connection: Connection) -> dict[tuple[str, int], StoredDay]:
    """Those of the batch that have been counted before."""
    rows = connection.execute(_READ_DAYS)
    return {(code, day): StoredDay(*stored) for code, day, *stored in rows}


def _day_row(key: tuple[str, int], day: Day, stored: StoredDay) -> str:
    """A row of `staged_days`: what the batch adds, and what was stored."""
    code, number = key
    fresh = day.dimensions()
    if stored.dimensions or any(len(tallies) > MOST_VALUES for tallies in fresh.values()):
        fresh = _merge(_decoder.decode(stored.dimensions or "{}"), fresh)
    dimensions = _escape(_encoder.encode(fresh).decode())
    visitors = stored.visitors
    if day.visitors:
        visitors = visitor_sketch.add(visitors, day.visitors)
    return (
        f"{_escape(code)}\t{number}\t{stored.clicks + day.tally.clicks}"
        f"\t{stored.bots + day.tally.bots}\t{dimensions}\t\\\\x{visitors.hex()}\n"
    )


def _merge(stored: Dimensions, fresh: Dimensions) -> Dimensions:
    """Add fresh values to stored ones; those for which there is no room become "other"."""
    for dimension, tallies in fresh.items():
        values = stored.setdefault(dimension, {})
        for value, tally in tallies.items():
            known = value in values or len(values) < MOST_VALUES
            values.setdefault(value if known else OTHER, Tally()).add(tally.clicks, tally.bots)
    return stored


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Dimensions)
