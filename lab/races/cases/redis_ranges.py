"""Ranges of ids from Redis, which is killed halfway and starts again without its data.

INCRBY is atomic and fast, so there is no race. What is missing is durability: the append-only file
is usually synced only once a second, and a failover to a replica loses what is not yet copied.
https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

from typing import Final

from lab.races.race import Client, Race
from lab.servers import LabServers

BLOCK: Final = 100

_SCHEMA: Final = """
CREATE TABLE ranges (next_id bigint NOT NULL);
INSERT INTO ranges VALUES (0);
"""
_RESERVE: Final = """
UPDATE ranges SET next_id = next_id + %(size)s RETURNING next_id - %(size)s, next_id
"""


def faulty(client: Client) -> range:
    """After the restart the counter starts at 0, and every range is given out again."""
    stop = int(client.redis.incrby("race:next_id", BLOCK))
    return range(stop - BLOCK, stop)


def fixed(client: Client) -> range:
    """Postgres writes a commit to disk before it answers; what Redis loses does not matter."""
    row = client.connection.execute(_RESERVE, {"size": BLOCK}).fetchone() or (0, 0)
    return range(*row)


RACE: Final = Race(
    name="redis-ranges",
    goes_wrong="Redis restarts without its data and gives out the same ranges again.",
    remedy="ranges from Postgres",
    schema=_SCHEMA,
    faulty=faulty,
    fixed=fixed,
    links_per_call=BLOCK,
    halfway=LabServers.restart_redis_without_data,
)
