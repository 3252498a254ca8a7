"""Codes that wait to be claimed."""

from collections.abc import Collection

from db.connect.pool import Pool, connection_to

# SKIP LOCKED: of two that claim at once, the second takes another row instead of waiting for the
# first. Without FOR UPDATE both would read the same row.
_CLAIM = """
DELETE FROM key_pool
WHERE code = (SELECT code FROM key_pool LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING code
"""

_ADD = """
INSERT INTO key_pool (code)
SELECT drawn.code FROM unnest(%(codes)s::text[]) AS drawn (code)
WHERE NOT EXISTS (SELECT FROM links WHERE links.code = drawn.code)
ON CONFLICT DO NOTHING
"""


class KeyPool:
    """Satisfies `keygen.strategies.pool.CodePool`. Thread-safe; shared by all processes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def claim_code(self) -> str | None:
        """Take a code that nobody else gets; None when none is free.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute(_CLAIM).fetchone()
            return None if row is None else str(row[0])

    def count_codes(self) -> int:
        """How many codes wait.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        with connection_to(self._pool) as connection:
            row = connection.execute("SELECT count(*) FROM key_pool").fetchone()
            return 0 if row is None else int(row[0])

    def add_codes(self, codes: Collection[str]) -> int:
        """Add the codes that neither wait already nor were ever used by a link.

        Returns:
            How many were added.

        Raises:
            DatabaseUnavailableError: Postgres is away.
        """
        # In one order everywhere: two that add the same codes would else wait for each other.
        with connection_to(self._pool) as connection:
            return connection.execute(_ADD, {"codes": sorted(codes)}).rowcount
