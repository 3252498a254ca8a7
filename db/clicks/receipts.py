"""Receipts: how much of each journal is counted. And drops: what never reached a journal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from db.connect.pool import Connection, Pool, connection_to

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


# A chunk that Redis brings back from a file older than this would be counted once more.
KEEP_REMOVED_DAYS: Final = 30
SHOW_DROPS_DAYS: Final = 7


def mark_removed(pool: Pool, producers: Sequence[str]) -> None:
    """Note that these journals are gone for good: deleted, and the deletion is on the disk."""
    with connection_to(pool) as connection:
        connection.execute(
            "UPDATE click_producers SET removed_at = now() WHERE producer = ANY(%s)",
            (list(producers),),
        )


def prune_receipts(pool: Pool) -> int:
    """Forget the receipts of journals that were removed long ago; returns how many.

    Age alone proves nothing: a host may be switched off for months with a journal on its disk, and
    without its receipt all of it would be counted again.
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
    """Note how many clicks a web process has dropped in all. Saying it twice changes nothing."""
    with connection_to(pool) as connection:
        connection.execute(_REPORT_DROPPED, (process, dropped))


def count_dropped(pool: Pool) -> int:
    """How many clicks were dropped by web processes that dropped some in the last days."""
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(dropped), 0)::bigint FROM click_drops"
            " WHERE updated_at > now() - make_interval(days => %s)",
            (SHOW_DROPS_DAYS,),
        ).fetchone()
    return int(row[0]) if row else 0
