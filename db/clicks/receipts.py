"""Receipts: how many bytes of each journal are counted. Drops: clicks that reached no journal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from db.connect.pool import Connection, Pool, connection_to

_LOCK_PRODUCERS = """
SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)
ORDER BY producer FOR UPDATE
"""


def lock_receipts(connection: Connection, producers: Iterable[str]) -> dict[str, int]:
    """Read receipts, in bytes, and lock them until the transaction ends.

    A producer without a receipt gets one of 0. Rows are locked in the order of names, so concurrent
    callers cannot deadlock.
    """
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
    """Move receipts to their new offsets, in the transaction that locked them.

    Args:
        connection: in that transaction.
        before: as `lock_receipts` returned them.
        after: new offsets in bytes, for the same producers.

    Raises:
        RuntimeError: a receipt differs from `before`; the transaction must be rolled back.
    """
    moved = [name for name in sorted(after) if after[name] != before[name]]
    cursor = connection.execute(
        _ADVANCE, (moved, [before[name] for name in moved], [after[name] for name in moved])
    )
    if cursor.rowcount != len(moved):
        raise RuntimeError("a receipt moved while it was locked")


def read_receipts(pool: Pool, producers: Sequence[str]) -> dict[str, int]:
    """Read receipts without locking: bytes counted per journal, 0 for an unknown producer."""
    with connection_to(pool) as connection:
        rows = connection.execute(
            "SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)",
            (list(producers),),
        ).fetchall()
    return dict.fromkeys(producers, 0) | dict(rows)


# If Redis restores an older backup than this, it may bring back chunks whose receipts are gone, and
# they are counted again.
KEEP_REMOVED_DAYS: Final = 30
SHOW_DROPS_DAYS: Final = 7


def mark_removed(pool: Pool, producers: Sequence[str]) -> None:
    """Record that journals are deleted; call it once the deletion is flushed to disk."""
    with connection_to(pool) as connection:
        connection.execute(
            "UPDATE click_producers SET removed_at = now() WHERE producer = ANY(%s)",
            (list(producers),),
        )


def prune_receipts(pool: Pool) -> int:
    """Delete receipts of journals removed over `KEEP_REMOVED_DAYS` ago; return their number.

    Receipts of other journals stay, however old: a host may be off for months with a journal on its
    disk, which would be counted again without its receipt.
    """
    with connection_to(pool) as connection:
        return connection.execute(
            "DELETE FROM click_producers WHERE removed_at < now() - make_interval(days => %s)",
            (KEEP_REMOVED_DAYS,),
        ).rowcount


_REPORT_DROPPED = """
INSERT INTO click_drops AS t (process, dropped) VALUES (%s, %s)
ON CONFLICT (process) DO UPDATE SET dropped = excluded.dropped, updated_at = now()
"""


def report_dropped(pool: Pool, process: str, dropped: int) -> None:
    """Store the total number of clicks that a web process has dropped. Idempotent."""
    with connection_to(pool) as connection:
        connection.execute(_REPORT_DROPPED, (process, dropped))


def count_dropped(pool: Pool) -> int:
    """Total drops of all web processes that reported a drop in the last `SHOW_DROPS_DAYS`."""
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(dropped), 0)::bigint FROM click_drops"
            " WHERE updated_at > now() - make_interval(days => %s)",
            (SHOW_DROPS_DAYS,),
        ).fetchone()
    return int(row[0]) if row else 0
