"""A block of ids that is reserved by an UPDATE and read back by a SELECT, as in Meituan's Leaf.

In one transaction this is safe: the UPDATE locks the row until the commit, so no other client can
advance it before it is read back. With a commit in between (as in one version of Leaf's
IDAllocDaoImpl), or without a transaction, the SELECT sees what others have added.
"""

from typing import Final

from lab.races.race import Client, Race

BLOCK: Final = 100

_SCHEMA: Final = """
CREATE TABLE blocks (max_id bigint NOT NULL, step bigint NOT NULL);
INSERT INTO blocks VALUES (1, 100);
"""
_ADVANCE: Final = "UPDATE blocks SET max_id = max_id + step"
_READ_BACK: Final = "SELECT max_id FROM blocks"


def faulty(client: Client) -> range:
    """All clients advance the row, then all read the same end."""
    client.connection.execute(_ADVANCE)
    client.wait_for_others()
    (stop,) = client.connection.execute(_READ_BACK).fetchone() or (0,)
    return range(stop - BLOCK, stop)


def fixed(client: Client) -> range:
    """The same statements in one transaction. UPDATE .. RETURNING would save a round trip."""
    with client.connection.transaction():
        client.connection.execute(_ADVANCE)
        (stop,) = client.connection.execute(_READ_BACK).fetchone() or (0,)
    return range(stop - BLOCK, stop)


RACE: Final = Race(
    name="block-read-back",
    goes_wrong="Two processes advance the row before either reads it back: the same block twice.",
    remedy="one transaction, or UPDATE .. RETURNING",
    seen_in="Leaf, where the DAO commits too early",
    schema=_SCHEMA,
    faulty=faulty,
    fixed=fixed,
    links_per_call=BLOCK,
)
