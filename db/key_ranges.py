"""Ranges of ids from Postgres, and the key that scrambles them."""

import os
import socket

from db.errors import DatabaseUnavailableError
from db.pool import Pool, connection_to

_RESERVE = """
WITH taken AS (
    UPDATE key_ranges SET next_id = next_id + %(size)s WHERE space = %(space)s
    RETURNING next_id - %(size)s AS start_id, next_id AS stop_id
)
INSERT INTO key_range_grants (space, start_id, stop_id, holder)
SELECT %(space)s, start_id, stop_id, %(holder)s FROM taken
RETURNING start_id, stop_id
"""

_KEY = "SELECT permutation_key FROM key_ranges WHERE space = %(space)s"


class KeyRanges:
    """The range source of one key space: satisfies `keygen.ranges.RangeSource`. Thread-safe.

    The UPDATE locks the row for the length of one short transaction, so two callers never see the
    same `next_id`; a range committed and then lost with its process is a gap.
    """

    def __init__(self, pool: Pool, space: str = "links") -> None:
        self._pool = pool
        self._space = space
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    def reserve_range(self, size: int) -> range:
        """Reserve `size` consecutive ids.

        Raises:
            DatabaseUnavailableError: Postgres is away, or has no such key space.
        """
        values = {"size": size, "space": self._space, "holder": self._holder}
        with connection_to(self._pool) as connection:
            row = connection.execute(_RESERVE, values).fetchone()
        if row is None:
            raise DatabaseUnavailableError(
                f"there is no key space {self._space!r}: run hop migrate"
            )
        start, stop = row
        return range(start, stop)

    def permutation_key(self) -> bytes:
        """The secret of this key space, 32 bytes. Change it and new codes may meet old ones.

        Raises:
            DatabaseUnavailableError: Postgres is away, or has no such key space.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute(_KEY, {"space": self._space}).fetchone()
        if row is None:
            raise DatabaseUnavailableError(
                f"there is no key space {self._space!r}: run hop migrate"
            )
        return bytes(row[0])
