"""API keys, stored as hashes."""

from hashlib import sha256

from db.connect.pool import Pool, connection_to

_SET = """
INSERT INTO api_keys (name, key_hash) VALUES (%(name)s, %(key_hash)s)
ON CONFLICT (name) DO UPDATE SET key_hash = excluded.key_hash, created_at = now()
WHERE api_keys.key_hash <> excluded.key_hash
"""


def set_key(pool: Pool, name: str, key: str) -> None:
    """Make `key` the only API key of that name; the one before stops working."""
    with connection_to(pool) as connection:
        connection.execute(_SET, {"name": name, "key_hash": _hash(key)})


def find_key_name(pool: Pool, key: str) -> str | None:
    """The name of an API key, or None if it is unknown.

    The look-up is by hash, so its time reveals nothing about the key.
    """
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT name FROM api_keys WHERE key_hash = %s", (_hash(key),)
        ).fetchone()
        return None if row is None else str(row[0])


def _hash(key: str) -> bytes:
    return sha256(key.encode()).digest()
