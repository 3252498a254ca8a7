"""API keys, stored as hashes."""

from hashlib import sha256

from db.connect.pool import Pool, connection_to

_SET = """
INSERT INTO api_keys (name, key_hash) VALUES (%(name)s, %(key_hash)s)
ON CONFLICT (name) DO UPDATE SET key_hash = excluded.key_hash, created_at = now()
WHERE api_keys.key_hash <> excluded.key_hash
"""


def set_key(pool: Pool, name: str, key: str) -> None:
    """Make `key` the only key of that name; the one before it stops working."""
    with connection_to(pool) as connection:
        connection.execute(_SET, {"name": name, "key_hash": _hash(key)})


def find_key_name(pool: Pool, key: str) -> str | None:
    """The name of a key, or None when it is unknown.

    Looked up by hash, so the time it takes says nothing about the key.
    """
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT name FROM api_keys WHERE key_hash = %s", (_hash(key),)
        ).fetchone()
        return None if row is None else str(row[0])


def _hash(key: str) -> bytes:
    return sha256(key.encode()).digest()
