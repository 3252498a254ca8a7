"""The day's secret for hashing visitors: shared by all hosts, forgotten a day after its own."""

from datetime import date, timedelta

from db.connect.pool import Pool, connection_to

# A no-op update makes RETURNING give the key that another process has already made.
_TAKE = """
INSERT INTO visitor_keys AS t (day) VALUES (%(day)s)
ON CONFLICT (day) DO UPDATE SET key = t.key
RETURNING key
"""

_FORGET = "DELETE FROM visitor_keys WHERE day < %(yesterday)s"


def take_visitor_key(pool: Pool, day: date) -> bytes:
    """The key of a day, 32 bytes, made by whoever asks first.

    Keys from before yesterday are deleted: the clocks of two hosts may differ, but not by a day.
    """
    with connection_to(pool) as connection:
        row = connection.execute(_TAKE, {"day": day}).fetchone()
        connection.execute(_FORGET, {"yesterday": day - timedelta(days=1)})
        assert row is not None
        return bytes(row[0])
