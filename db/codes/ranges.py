"""Ranges of ids from Postgres, and the permutation key that scrambles them."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from psycopg.rows import class_row

from db.connect.pool import Pool, connection_to
from db.errors import DatabaseUnavailableError

SPACE: Final = "links"

RESERVE = """
WITH taken AS (
    UPDATE id_ranges SET next_id = next_id + %(size)s WHERE space = %(space)s
    RETURNING next_id - %(size)s AS start_id, next_id AS stop_id
)
INSERT INTO id_range_grants (space, start_id, stop_id, holder)
SELECT %(space)s, start_id, stop_id, %(holder)s FROM taken
RETURNING start_id, stop_id
"""

_KEY = "SELECT permutation_key FROM id_ranges WHERE space = %(space)s"

_FIND_GRANT = """
SELECT start_id, stop_id, holder, granted_at FROM id_range_grants
WHERE space = %(space)s AND start_id <= %(id)s
ORDER BY start_id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """The ids in [start_id, stop_id) were granted to `holder`."""

    start_id: int
    stop_id: int
    holder: str
    granted_at: datetime


def this_process() -> str:
    """The name of this process as a holder: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


class IdRanges:
    """Ranges of one code space: satisfies `keygen.ranges.RangeSource`. Thread-safe.

    The UPDATE locks the row for one short transaction, so two callers never see the same `next_id`.
    A range that is committed and then lost with its process is a gap.
    """

    def __init__(self, pool: Pool, space: str = SPACE) -> None:
        self._pool = pool
        self._space = space
        self._holder = this_process()

    def reserve_range(self, size: int) -> range:
        """Reserve `size` consecutive ids.

        Raises:
            DatabaseUnavailableError: Postgres is away, or has no such code space.
        """
        values = {"size": size, "space": self._space, "holder": self._holder}
        with connection_to(self._pool) as connection:
            row = connection.execute(RESERVE, values).fetchone()
        if row is None:
            raise DatabaseUnavailableError(
                f"there is no code space {self._space!r}: run hop migrate"
            )
        start, stop = row
        return range(start, stop)

    def find_grant(self, id_: int) -> Grant | None:
        """The grant that an id belongs to; None if it was never granted.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        values = {"space": self._space, "id": id_}
        with (
            connection_to(self._pool) as connection,
            connection.cursor(row_factory=class_row(Grant)) as cursor,
        ):
            grant = cursor.execute(_FIND_GRANT, values).fetchone()
        return grant if grant is not None and id_ < grant.stop_id else None

    def permutation_key(self) -> bytes:
        """The permutation key, 32 bytes. If it changes, new codes may meet old ones.

        Raises:
            DatabaseUnavailableError: Postgres is away, or has no such code space.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute(_KEY, {"space": self._space}).fetchone()
        if row is None:
            raise DatabaseUnavailableError(
                f"there is no code space {self._space!r}: run hop migrate"
            )
        return bytes(row[0])

    def key_fingerprint(self) -> str:
        """16 characters that change with the permutation key without revealing it.

        Raises:
            DatabaseUnavailableError: as `permutation_key`.
        """
        return sha256(self.permutation_key()).hexdigest()[:16]
