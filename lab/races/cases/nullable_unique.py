"""A unique index over a nullable column: `domain` is null for the default domain.

In SQL, two nulls are not equal, so the index accepts what the service treats as one code. This
needs no timing: a user who presses the button twice is enough.
https://www.postgresql.org/docs/current/indexes-unique.html
"""

from typing import Final

from lab.races.race import Client, Race

_SCHEMA: Final = """
CREATE TABLE links (domain text, code text NOT NULL, target_url text NOT NULL);
CREATE UNIQUE INDEX links_key ON links (domain, code);
"""
# Before Postgres 15: ALTER COLUMN domain SET DEFAULT '', SET NOT NULL.
_NULLS_ARE_EQUAL: Final = """
DROP INDEX links_key;
CREATE UNIQUE INDEX links_key ON links (domain, code) NULLS NOT DISTINCT;
"""
_INSERT: Final = """
INSERT INTO links (domain, code, target_url) VALUES (NULL, %(code)s, %(target_url)s)
ON CONFLICT DO NOTHING RETURNING code
"""


def insert(client: Client) -> list[str]:
    """Both sides run the same code on different indexes."""
    code, target_url = f"launch-{client.round}", f"https://example.org/{client.number}"
    row = client.connection.execute(_INSERT, {"code": code, "target_url": target_url}).fetchone()
    return [code] if row else []


RACE: Final = Race(
    name="nullable-unique",
    goes_wrong="A unique index lets the same code in twice, because its domain is null.",
    remedy="NULLS NOT DISTINCT, or NOT NULL",
    seen_in="Shlink #1644",
    schema=_SCHEMA,
    fixed_schema=_NULLS_ARE_EQUAL,
    faulty=insert,
    fixed=insert,
)
