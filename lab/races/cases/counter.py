"""A counter that is read, incremented and written back."""

from typing import Final

from lab.races.race import Client, Race

_SCHEMA: Final = """
CREATE TABLE counter (next_id bigint NOT NULL);
INSERT INTO counter VALUES (1);
"""
_READ: Final = "SELECT next_id FROM counter"
_WRITE: Final = "UPDATE counter SET next_id = %(next_id)s"
_TAKE: Final = "UPDATE counter SET next_id = next_id + 1 RETURNING next_id - 1"


def faulty(client: Client) -> list[int]:
    """Clients that read the same number write the same number back."""
    (id_,) = client.connection.execute(_READ).fetchone() or (0,)
    client.wait_for_others()
    client.connection.execute(_WRITE, {"next_id": id_ + 1})
    return [id_]


def fixed(client: Client) -> list[int]:
    """An UPDATE locks the row: the second one waits, then sees what the first has written."""
    (id_,) = client.connection.execute(_TAKE).fetchone() or (0,)
    return [id_]


RACE: Final = Race(
    name="counter",
    goes_wrong="Two requests read the same number from a counter and make the same code.",
    remedy="UPDATE .. RETURNING, one statement",
    seen_in="YOURLS #3666, #2538",
    schema=_SCHEMA,
    faulty=faulty,
    fixed=fixed,
)
