"""Which worker reads which partition: session-level advisory locks, a fair share for each.

They spare the workers each other's work; no count depends on them. A worker that has lost a lock
without knowing reads on for a moment, beside the new holder: receipts, which are locked in the
transaction of the counts, then let each chunk be counted by one of them only.
"""

import math
from collections.abc import Sequence
from typing import Final

import psycopg

from db.connect.pool import CONNECT_TIMEOUT_S, Connection
from db.errors import DatabaseUnavailableError

# Two-part keys: any first part will do, as long as every worker uses the same.
_CLASS: Final = 0x686F7063  # "hopc"
_PRESENCE: Final = 1_000  # beyond any partition; every worker shares it

# Postgres frees the locks of a worker that was killed at once, since the kernel closes its
# connection. Of a host that vanished it hears nothing: these make it ask, within 5 s.
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
    """This worker's share, on a connection of its own. For one thread."""

    def __init__(self, database_url: str, partitions: Sequence[int]) -> None:
        """Connects when it is first asked to rebalance."""
        self._database_url = database_url
        self._partitions = partitions
        self._connection: Connection | None = None
        self.held: set[int] = set()

    def rebalance(self) -> None:
        """Give up what is beyond a fair share, and take what is free up to it.

        Raises:
            DatabaseUnavailableError: no partition is held now.
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
        """Let go of everything."""
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
