"""Counters in Postgres: the sequences of migration 0003."""

from typing import Final

from psycopg import sql

from db.connect.pool import Pool, connection_to

COUNTER: Final = "code_counter"
STRIDES: Final = tuple(f"code_stride_{number}" for number in range(8))


class SequenceCounter:
    """Satisfies `keygen.strategies.counter.Counter`: a round trip per number. Thread-safe."""

    def __init__(self, pool: Pool, sequence: str) -> None:
        self._pool = pool
        self._sequence = sequence

    def next_value(self) -> int:
        """The sequence's next number; never the same one twice.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute(
                "SELECT nextval(%(sequence)s)", {"sequence": self._sequence}
            ).fetchone()
            assert row is not None
            return int(row[0])

    def read_next(self) -> int:
        """What `next_value` would return now; every smaller number is handed out or skipped.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            query = sql.SQL("SELECT last_value + is_called::int FROM {}").format(
                sql.Identifier(self._sequence)
            )
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])
