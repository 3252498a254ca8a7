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
    """Two that read the same number write the same number back."""
    (id_,) = client.connection.execute(_READ).fetchone() or (0,)
    client.meet()
    client.connection.execute(_WRITE, {"next_id": id_ + 1})
    return [id_]


def mended(client: Client) -> list[int]:
    """The row lock of an UPDATE makes the second wait, and then see what the first has written."""
    (id_,) = client.connection.execute(_TAKE).fetchone() or (0,)
    return [id_]


RACE: Final = Race(
    name="counter",
    goes_wrong="Two requests read the same number from a counter and make the same code.",
    remedy="UPDATE .. RETURNING, one statement",
    seen_in="YOURLS #3666, #2538",
    schema=_SCHEMA,
    faulty=faulty,
    mended=mended,
)
