"""An alias that is looked up before it is inserted."""

from typing import Final

from lab.races.race import Client, Race

_SCHEMA: Final = "CREATE TABLE links (code text NOT NULL, target_url text NOT NULL)"
_UNIQUE: Final = "ALTER TABLE links ADD PRIMARY KEY (code)"
_IS_TAKEN: Final = "SELECT EXISTS (SELECT FROM links WHERE code = %(code)s)"
_INSERT: Final = "INSERT INTO links VALUES (%(code)s, %(target_url)s)"
_INSERT_IF_FREE: Final = """
INSERT INTO links VALUES (%(code)s, %(target_url)s)
ON CONFLICT (code) DO NOTHING RETURNING code
"""


def faulty(client: Client) -> list[str]:
    """All clients find the alias free, and all insert it."""
    link = _link(client)
    (taken,) = client.connection.execute(_IS_TAKEN, link).fetchone() or (True,)
    client.wait_for_others()
    if taken:
        return []
    client.connection.execute(_INSERT, link)
    return [link["code"]]


def fixed(client: Client) -> list[str]:
    """The unique index decides: one INSERT returns its row, the others return none."""
    link = _link(client)
    row = client.connection.execute(_INSERT_IF_FREE, link).fetchone()
    return [link["code"]] if row else []


def _link(client: Client) -> dict[str, str]:
    """All clients of a round ask for the same alias."""
    target_url = f"https://example.org/{client.number}"
    return {"code": f"launch-{client.round}", "target_url": target_url}


RACE: Final = Race(
    name="check-then-insert",
    goes_wrong="Two users are given the same alias, because each looked before the other wrote.",
    remedy="unique constraint, ON CONFLICT DO NOTHING",
    seen_in="Kutt",
    schema=_SCHEMA,
    fixed_schema=_UNIQUE,
    faulty=faulty,
    fixed=fixed,
)
