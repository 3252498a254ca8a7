"""Worker ids of snowflakes, leased for intervals that never overlap."""

from db.codes.ranges import this_process
from db.connect.pool import Pool, connection_to

# All times are the holder's; Postgres's clock plays no part. Whatever the clocks show, an interval
# starts after the end of every earlier one of the same worker id.
_LEASE = """
UPDATE snowflake_workers SET leased_until_ms = %(until_ms)s, holder = %(holder)s, leased_at = now()
WHERE worker_id = (
    SELECT worker_id FROM snowflake_workers WHERE leased_until_ms <= %(from_ms)s
    ORDER BY worker_id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING worker_id
"""

_LEASE_END = "SELECT leased_until_ms FROM snowflake_workers WHERE worker_id = %(worker_id)s"


class WorkerIdLeases:
    """Satisfies `keygen.strategies.snowflake.WorkerIds`. Thread-safe; shared by all processes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._holder = this_process()

    def lease_worker(self, from_ms: int, until_ms: int) -> int | None:
        """Lease a worker id for `from_ms` up to, not including, `until_ms`, in Unix time.

        Returns:
            None if every worker id is leased for a time after `from_ms`.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        values = {"from_ms": from_ms, "until_ms": until_ms, "holder": self._holder}
        with connection_to(self._pool) as connection:
            row = connection.execute(_LEASE, values).fetchone()
            return None if row is None else int(row[0])

    def read_lease_end(self, worker_id: int) -> int:
        """The end of the last lease of a worker id, in Unix time in milliseconds.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute(_LEASE_END, {"worker_id": worker_id}).fetchone()
            return 0 if row is None else int(row[0])
