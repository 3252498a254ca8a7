"""Click counts and receipts in Postgres.

The functions that write take a connection, because they only make sense together: counts and
receipt change in one transaction or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from db import visitor_sketch
from db.pool import Connection, Pool, connection_to

K = TypeVar("K", bound=tuple[Any, ...])


@dataclass(slots=True)
class Tally:
    """How many clicks, and how many of them were made by bots."""

    clicks: int = 0
    bots: int = 0


@dataclass(slots=True)
class Rollup:
    """What a batch of clicks adds to each table. Hours and days are in UTC."""

    totals: dict[str, Tally] = field(default_factory=dict)
    last_click_at: dict[str, datetime] = field(default_factory=dict)
    hours: dict[tuple[str, datetime], Tally] = field(default_factory=dict)
    dimensions: dict[tuple[str, date, str, str], Tally] = field(default_factory=dict)
    visitors: dict[tuple[str, date], set[str]] = field(default_factory=dict)


_LOCK_PRODUCERS = """
SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)
ORDER BY producer FOR UPDATE
"""


def lock_receipts(connection: Connection, producers: Iterable[str]) -> dict[str, int]:
    """The receipts of some producers, 0 for a new one, locked until the transaction ends."""
    names = sorted(set(producers))
    connection.execute(
        "INSERT INTO click_producers (producer) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
        (names,),
    )
    return dict(connection.execute(_LOCK_PRODUCERS, (names,)).fetchall())


_ADVANCE = """
UPDATE click_producers SET applied_bytes = moved.new, updated_at = now()
FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS moved (producer, old, new)
WHERE click_producers.producer = moved.producer AND applied_bytes = moved.old
"""


def advance_receipts(
    connection: Connection, before: Mapping[str, int], after: Mapping[str, int]
) -> None:
    """Move receipts from where they were locked to where the counts now reach.

    Raises:
        RuntimeError: a receipt was not where it was locked; the transaction must not be committed.
    """
    moved = [name for name in sorted(after) if after[name] != before[name]]
    cursor = connection.execute(
        _ADVANCE, (moved, [before[name] for name in moved], [after[name] for name in moved])
    )
    if cursor.rowcount != len(moved):
        raise RuntimeError("a receipt moved while it was locked")


def read_receipts(pool: Pool, producers: Sequence[str]) -> dict[str, int]:
    """How many bytes of each producer's journal are counted; 0 for those without a row."""
    with connection_to(pool) as connection:
        rows = connection.execute(
            "SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)",
            (list(producers),),
        ).fetchall()
    return dict.fromkeys(producers, 0) | dict(rows)


_ADD_TOTALS = """
INSERT INTO click_totals AS t (code, clicks, bots, last_click_at)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (code) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots,
    last_click_at = greatest(t.last_click_at, excluded.last_click_at)
"""

_ADD_HOURS = """
INSERT INTO click_hours AS t (code, hour, clicks, bots)
SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], %s::bigint[])
ON CONFLICT (code, hour) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots
"""

_ADD_DIMENSIONS = """
INSERT INTO click_dimensions AS t (code, day, dimension, value, clicks, bots)
SELECT * FROM unnest(%s::text[], %s::date[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
ON CONFLICT (code, day, dimension, value) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots
"""


def add_rollup(connection: Connection, rollup: Rollup) -> None:
    """Add a batch to the roll-ups. Rows are touched in key order: no deadlocks."""
    totals = sorted(rollup.totals.items())
    connection.execute(
        _ADD_TOTALS,
        (
            [code for code, _ in totals],
            [tally.clicks for _, tally in totals],
            [tally.bots for _, tally in totals],
            [rollup.last_click_at[code] for code, _ in totals],
        ),
    )
    _add_keyed(connection, _ADD_HOURS, rollup.hours)
    _add_keyed(connection, _ADD_DIMENSIONS, rollup.dimensions)
    _merge_visitors(connection, rollup.visitors)


def _add_keyed(connection: Connection, statement: str, tallies: Mapping[K, Tally]) -> None:
    if not tallies:
        return
    rows = sorted(tallies.items())
    key_columns = [list(column) for column in zip(*(key for key, _ in rows), strict=True)]
    counts = [[tally.clicks for _, tally in rows], [tally.bots for _, tally in rows]]
    connection.execute(statement.encode(), [*key_columns, *counts])


# An upsert that writes nothing still locks the row: the merge below happens in this process, and
# no other writer may change the sketch between our read and our write.
_LOCK_SKETCHES = """
INSERT INTO click_visitors AS t (code, day, sketch)
SELECT code, day, ''::bytea FROM unnest(%s::text[], %s::date[]) AS wanted (code, day)
ON CONFLICT (code, day) DO UPDATE SET sketch = t.sketch
RETURNING code, day, sketch
"""

_WRITE_SKETCHES = """
UPDATE click_visitors SET sketch = merged.sketch
FROM unnest(%s::text[], %s::date[], %s::bytea[]) AS merged (code, day, sketch)
WHERE click_visitors.code = merged.code AND click_visitors.day = merged.day
"""


def _merge_visitors(connection: Connection, visitors: Mapping[tuple[str, date], set[str]]) -> None:
    if not visitors:
        return
    keys = sorted(visitors)
    columns = [code for code, _ in keys], [day for _, day in keys]
    stored = connection.execute(_LOCK_SKETCHES, columns).fetchall()
    merged = [
        (code, day, visitor_sketch.add(bytes(sketch), visitors[code, day]))
        for code, day, sketch in stored
    ]
    connection.execute(_WRITE_SKETCHES, [list(column) for column in zip(*merged, strict=True)])


@dataclass(frozen=True, slots=True)
class Stats:
    """What is known about the clicks of one code."""

    clicks: int
    bots: int
    last_click_at: datetime | None
    unique_visitors: int
    by_day: list[tuple[date, int, int]]  # day, clicks, bots; days without clicks are left out
    by_dimension: dict[str, list[tuple[str, int]]]  # dimension -> value, clicks; most first


_TOTALS = "SELECT clicks, bots, last_click_at FROM click_totals WHERE code = %(code)s"

_BY_DAY = """
SELECT (hour AT TIME ZONE 'UTC')::date AS day, sum(clicks)::bigint, sum(bots)::bigint
FROM click_hours WHERE code = %(code)s AND hour >= %(since)s GROUP BY day ORDER BY day
"""

_BY_DIMENSION = """
SELECT dimension, value, clicks FROM (
    SELECT dimension, value, sum(clicks)::bigint AS clicks,
        row_number() OVER (PARTITION BY dimension ORDER BY sum(clicks) DESC, value) AS place
    FROM click_dimensions WHERE code = %(code)s AND day >= %(since)s GROUP BY dimension, value
) AS ranked WHERE place <= 10 ORDER BY dimension, place
"""

_SKETCHES = "SELECT sketch FROM click_visitors WHERE code = %(code)s"


def read_stats(pool: Pool, code: str, *, today: date, days: int = 30) -> Stats:
    """The counts of one code: totals since it was made, details of the last `days` days."""
    values = {"code": code, "since": today - timedelta(days=days - 1)}
    with connection_to(pool) as connection, connection.pipeline():
        totals = connection.execute(_TOTALS, values).fetchone()
        by_day = connection.execute(_BY_DAY, values).fetchall()
        ranked = connection.execute(_BY_DIMENSION, values).fetchall()
        sketches = connection.execute(_SKETCHES, values).fetchall()
    by_dimension: dict[str, list[tuple[str, int]]] = {}
    for dimension, value, clicks in ranked:
        by_dimension.setdefault(dimension, []).append((value, clicks))
    clicks, bots, last_click_at = totals or (0, 0, None)
    return Stats(
        clicks=clicks,
        bots=bots,
        last_click_at=last_click_at,
        unique_visitors=visitor_sketch.estimate(bytes(sketch) for (sketch,) in sketches),
        by_day=[(day, clicks, bots) for day, clicks, bots in by_day],
        by_dimension=by_dimension,
    )


def read_clicks(pool: Pool, codes: Sequence[str]) -> dict[str, int]:
    """The number of clicks of each code, 0 for those without any."""
    with connection_to(pool) as connection:
        rows = connection.execute(
            "SELECT code, clicks FROM click_totals WHERE code = ANY(%s)", (list(codes),)
        ).fetchall()
    return dict.fromkeys(codes, 0) | dict(rows)
