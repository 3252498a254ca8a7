"""Click counts in Postgres: by code, by hour, and by day with all its dimensions.

`add_rollup` takes a connection, because counts only make sense together with the receipt: both
change in one transaction or not at all.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

import msgspec
import structlog

from db.clicks import visitor_sketch
from db.clicks.tallies import Agent, Day, Dimensions, Looks, Rollup, Tally
from db.connect.pool import Connection

log = structlog.get_logger(__name__)

ROWS_AT_ONCE: Final = 500


class StoredDay(NamedTuple):
    """A row of `click_days`, as it was before the batch."""

    clicks: int
    bots: int
    dimensions: str  # JSON
    visitors: bytes


_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_totals (
    code text COLLATE "C", clicks bigint, bots bigint, last_click_ms bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_hours (
    code text COLLATE "C", hour timestamptz, clicks bigint, bots bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_days (
    code text COLLATE "C", day date, clicks bigint, bots bigint, dimensions json, visitors bytea
) ON COMMIT DELETE ROWS;
-- The planner knows nothing of tables that were filled a moment ago. Always look up by key.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
"""

_ADD_TOTALS = """
INSERT INTO click_totals AS t (code, clicks, bots, last_click_at)
SELECT code, clicks, bots, to_timestamp(last_click_ms / 1000::float8)
FROM staged_totals ORDER BY code
ON CONFLICT (code) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots,
    last_click_at = greatest(t.last_click_at, excluded.last_click_at)
RETURNING code, clicks
"""

_ADD_HOURS = """
INSERT INTO click_hours AS t (code, hour, clicks, bots)
SELECT code, hour, clicks, bots FROM staged_hours
ON CONFLICT (code, hour) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots
"""

_READ_DAYS = """
SELECT code, day, clicks, bots, dimensions::text, visitors
FROM (SELECT DISTINCT code, hour::date AS day FROM staged_hours) AS wanted
JOIN click_days USING (code, day)
"""

_WRITE_DAYS = """
UPDATE click_days AS d SET clicks = s.clicks, bots = s.bots, dimensions = s.dimensions,
    visitors = s.visitors
FROM staged_days AS s WHERE d.code = s.code AND d.day = s.day
"""


def add_rollup(connection: Connection, rollup: Rollup) -> None:
    """Add a batch to the roll-ups, within the caller's transaction.

    The totals come first, in the order of their codes. Their rows are locked from then on, and
    whoever adds to the same codes waits there: so there are no deadlocks, and days can be read,
    merged here and written without losing what another worker has added. A code whose total is
    new has no hours and no days yet: these are written without a look at what is there.
    """
    connection.execute(_STAGE)
    totals = rollup.totals
    _copy(
        connection,
        "staged_totals",
        (
            f"{_escape(code)}\t{total.clicks}\t{total.bots}\t{total.last_click_ms}\n"
            for code, total in totals.items()
        ),
    )
    counted = connection.execute(_ADD_TOTALS).fetchall()
    known = {code for code, clicks in counted if clicks > totals[code].clicks}
    _add_hours(connection, rollup.hours, known)
    _add_days(connection, rollup.days, known)


def _add_hours(
    connection: Connection, hours: Mapping[tuple[str, int], Tally], known: set[str]
) -> None:
    def rows(of: Callable[[str], bool]) -> Iterator[str]:
        for (code, hour), tally in hours.items():
            if of(code):
                yield f"{_escape(code)}\t{_hour(hour)}\t{tally.clicks}\t{tally.bots}\n"

    _copy(connection, "click_hours", rows(lambda code: code not in known))
    _copy(connection, "staged_hours", rows(known.__contains__))
    connection.execute(_ADD_HOURS)


def _add_days(connection: Connection, days: Mapping[tuple[str, int], Day], known: set[str]) -> None:
    stored = _read_days(connection) if known else {}
    fresh = (_day_row(*key, day) for key, day in days.items() if key not in stored)
    merged = (_merged_row(*key, day, stored[key]) for key, day in days.items() if key in stored)
    _copy(connection, "click_days", fresh)
    _copy(connection, "staged_days", merged)
    connection.execute(_WRITE_DAYS)


def _copy(connection: Connection, table: str, rows: Iterator[str]) -> None:
    """Send rows as they are made: all at once they would take some hundred megabytes.

    The statement lasts as long as it takes to make them, a second or two of its time-out.
    (Arrays as parameters would cost several times as much as all else together.)
    """
    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
        while piece := "".join(islice(rows, ROWS_AT_ONCE)):
            copy.write(piece)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\") if "\\" in text else text


@lru_cache(maxsize=1_000)
def _hour(number: int) -> str:
    return datetime.fromtimestamp(number * 3_600, UTC).isoformat()


@lru_cache(maxsize=1_000)
def _date(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _read_days(connection: Connection) -> dict[tuple[str, int], StoredDay]:
    """Those of the batch that have been counted before."""
    rows = connection.execute(_READ_DAYS).fetchall()
    return {(code, (day - _EPOCH).days): StoredDay(*stored) for code, day, *stored in rows}


def _day_row(code: str, number: int, day: Day) -> str:
    """A row of `click_days` for a day that had no clicks."""
    if day.tally.clicks == 1:
        dimensions = _only_click(*day.looks.first())
    else:
        dimensions = _escape(_encoder.encode(day.dimensions()).decode())
    tally, visitors = day.tally, visitor_sketch.add(b"", day.visitors) if day.visitors else b""
    return (
        f"{_escape(code)}\t{_date(number)}\t{tally.clicks}\t{tally.bots}\t{dimensions}"
        f"\t\\\\x{visitors.hex()}\n"
    )


@lru_cache(maxsize=50_000)
def _only_click(referrer: str, country: str, agent: Agent, language: str) -> str:
    """The dimensions of a day with one click, as JSON: most days of most links are such."""
    looks = Looks([referrer], [country], [agent], [language])
    day = Day(Tally(1, int(agent.is_bot)), looks, set())
    return _escape(_encoder.encode(day.dimensions()).decode())


def _merged_row(code: str, number: int, day: Day, stored: StoredDay) -> str:
    """A row of `staged_days`: what was stored, and what the batch adds."""
    merged = day.dimensions(_decoder.decode(stored.dimensions))
    dimensions = _escape(_encoder.encode(merged).decode())
    visitors = stored.visitors
    if day.visitors:
        try:
            visitors = visitor_sketch.add(visitors, day.visitors)
        except visitor_sketch.DamagedSketchError as error:
            # Who is counted matters more than who was: the clicks of this day must go on.
            log.error("a damaged visitor sketch begins anew", code=code, error=str(error))  # noqa: TRY400
            visitors = visitor_sketch.add(b"", day.visitors)
    return (
        f"{_escape(code)}\t{_date(number)}\t{stored.clicks + day.tally.clicks}"
        f"\t{stored.bots + day.tally.bots}\t{dimensions}\t\\\\x{visitors.hex()}\n"
    )


_EPOCH: Final = date(1970, 1, 1)
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Dimensions)
