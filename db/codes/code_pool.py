"""The code pool: prepared codes, claimed one by one."""

from collections.abc import Collection

from db.connect.pool import Pool, connection_to

# SKIP LOCKED: of two concurrent claims, the second takes another row instead of waiting for the
# first. Without FOR UPDATE both would read the same row.
_CLAIM = """
DELETE FROM code_pool
WHERE code = (SELECT code FROM code_pool LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING code
"""

_ADD = """
INSERT INTO code_pool (code)
SELECT drawn.code FROM unnest(%(codes)s::text[]) AS drawn (code)
WHERE NOT EXISTS (SELECT FROM links WHERE links.code = drawn.code)
ON CONFLICT DO NOTHING
"""


class StoredCodePool:
    """Satisfies `keygen.strategies.pool.CodePool`. Thread-safe; shared by all processes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def claim_code(self) -> str | None:
        """Take a code for this caller only; None if the pool is empty.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute(_CLAIM).fetchone()
            return None if row is None else str(row[0])

    def count_codes(self) -> int:
        """The number of codes in the pool.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute("SELECT count(*) FROM code_pool").fetchone()
            return 0 if row is None else int(row[0])

    def add_codes(self, codes: Collection[str]) -> int:
        """Add the codes that are neither in the pool nor were ever used by a link.

        Returns:
            The number added.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        # Always in the same order, so that two statements with the same codes cannot deadlock.
        with connection_to(self._pool) as connection:
            return connection.execute(_ADD, {"codes": sorted(codes)}).rowcount
