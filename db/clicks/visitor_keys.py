"""Visitor keys: a secret per day for hashing visitors, shared by all hosts, deleted after a day."""

from datetime import date, timedelta

from db.connect.pool import Pool, connection_to

# The no-op update makes RETURNING return an existing row, too.
_TAKE = """
INSERT INTO visitor_keys AS t (day) VALUES (%(day)s)
ON CONFLICT (day) DO UPDATE SET key = t.key
RETURNING key
"""

_FORGET = "DELETE FROM visitor_keys WHERE day < %(yesterday)s"


def take_visitor_key(pool: Pool, day: date) -> bytes:
    """Read the visitor key of a UTC day, 32 random bytes; the first caller creates it.

    Keys older than the day before are deleted. The one of the day before stays for hosts whose
    clocks are behind.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    with connection_to(pool) as connection:
        row = connection.execute(_TAKE, {"day": day}).fetchone()
        connection.execute(_FORGET, {"yesterday": day - timedelta(days=1)})
        assert row is not None
        return bytes(row[0])
