"""Divides the partitions among workers by session-level advisory locks in Postgres.

The locks avoid duplicate work; correctness does not depend on them. A worker that does not yet
know that it lost a lock may read a partition together with its new holder. Each chunk is still
counted once, because the transaction that counts it locks the receipt.
"""

import math
from collections.abc import Sequence
from typing import Final

import psycopg

from db.connect.pool import CONNECT_TIMEOUT_S, Connection
from db.errors import DatabaseUnavailableError

# First part of all lock ids: arbitrary, but the same in every worker.
_CLASS: Final = 0x686F7063  # "hopc"
# Second part: a partition, or this id, which every live worker holds in shared mode.
_PRESENCE: Final = 1_000

# If a worker is killed, the kernel closes its connection and Postgres frees its locks at once. If
# its host vanishes, only keepalives tell Postgres: these do so within 5 s.
_KEEPALIVES: Final = {
    "tcp_keepalives_idle": 2,
    "tcp_keepalives_interval": 1,
    "tcp_keepalives_count": 2,
    "tcp_user_timeout": 4_000,
}

_COUNT_WORKERS: Final = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class PartitionLocks:
    """The partitions that this worker holds, locked on its own connection. For one thread."""

    def __init__(self, database_url: str, partitions: Sequence[int]) -> None:
        """Hold nothing and connect to nothing until the first `rebalance`.

        Args:
            database_url: a direct connection; a pooler in transaction mode loses session locks.
            partitions: all partitions, to be divided among the workers.
        """
        self._database_url = database_url
        self._partitions = partitions
        self._connection: Connection | None = None
        self.held: set[int] = set()

    def rebalance(self) -> None:
        """Release partitions beyond a fair share, and lock free ones up to it.

        The fair share is the number of partitions divided by the number of workers, rounded up.

        Raises:
            DatabaseUnavailableError: all partitions are released.
        """
        try:
            connection = self._connection or self._connect()
            self._connection = connection
            share = self._fair_share(connection)
            while len(self.held) > share:
                partition = max(self.held)
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_CLASS, partition))
                self.held.discard(partition)
            for partition in self._partitions:
                if len(self.held) < share and partition not in self.held:
                    self._try_to_take(connection, partition)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise DatabaseUnavailableError(str(error)) from error

    def close(self) -> None:
        """Release all partitions and close the connection; `rebalance` opens a new one."""
        self.held.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        options = {"statement_timeout": 2_000, "idle_session_timeout": 0, **_KEEPALIVES}
        connection = Connection.connect(
            self._database_url,
            autocommit=True,
            application_name="hop-worker-partitions",
            connect_timeout=CONNECT_TIMEOUT_S,
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        )
        connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", (_CLASS, _PRESENCE))
        return connection

    def _fair_share(self, connection: Connection) -> int:
        row = connection.execute(_COUNT_WORKERS, (_CLASS, _PRESENCE)).fetchone()
        workers = max(1, row[0] if row else 1)
        return math.ceil(len(self._partitions) / workers)

    def _try_to_take(self, connection: Connection, partition: int) -> None:
        row = connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", (_CLASS, partition)
        ).fetchone()
        if row is not None and row[0]:
            self.held.add(partition)
