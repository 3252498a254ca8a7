"""Click counts and receipts in Postgres.

The functions that write take a connection, because they only make sense together: counts and
receipt change in one transaction or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
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
