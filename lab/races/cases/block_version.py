"""Blocks of ids handed out by reading a row and writing it back with a version.

Two isolation levels, with and without the version in the WHERE:

|                 | version not checked      | version checked                                 |
|-----------------|--------------------------|-------------------------------------------------|
| READ COMMITTED  | lost update: block twice | no row matches: read again                      |
| REPEATABLE READ | SQLSTATE 40001           | SQLSTATE 40001; reading again changes nothing   |

Postgres refuses the second writer under REPEATABLE READ ("first updater wins",
https://www.postgresql.org/docs/current/transaction-iso.html), so the only remedy there is to begin
the transaction again. MySQL does not refuse: its snapshot hides the new version from every
re-read, so a loop inside the transaction never succeeds. TinyID had such a loop (its
DbSegmentIdServiceImpl; `take_checked` does the same) at MySQL's default level, and was set to READ
COMMITTED for that reason.
"""

from contextlib import AbstractContextManager
from typing import Final

import psycopg
from psycopg import IsolationLevel

from lab.races.race import Client, Race

BLOCK: Final = 100
TRIES: Final = 100

_SCHEMA: Final = """
CREATE TABLE blocks (next_id bigint NOT NULL, version bigint NOT NULL);
INSERT INTO blocks VALUES (1, 0);
"""
_READ: Final = "SELECT next_id, version FROM blocks"
_WRITE: Final = "UPDATE blocks SET next_id = %(stop)s, version = %(version)s + 1"
_WRITE_CHECKED: Final = """
UPDATE blocks SET next_id = %(stop)s, version = %(version)s + 1 WHERE version = %(version)s
"""


def take_unchecked(client: Client) -> range:
    """Read, then write whatever has happened meanwhile."""
    start, version = client.connection.execute(_READ).fetchone() or (0, 0)
    client.meet()
    client.connection.execute(_WRITE, {"stop": start + BLOCK, "version": version})
    return range(start, start + BLOCK)


def take_checked(client: Client) -> range:
    """Read, write if nobody else has written meanwhile, else read again."""
    for _ in range(TRIES):
        start, version = client.connection.execute(_READ).fetchone() or (0, 0)
        client.meet()
        values = {"stop": start + BLOCK, "version": version}
        if client.connection.execute(_WRITE_CHECKED, values).rowcount == 1:
            return range(start, start + BLOCK)
        client.retries += 1
    raise RuntimeError("the version was never the one that had just been read")


def read_committed_unchecked(client: Client) -> range:
    """All write the same next_id: a lost update, and all have the same block."""
    with _isolation(client, IsolationLevel.READ_COMMITTED):
        return take_unchecked(client)


def read_committed_checked(client: Client) -> range:
    """Whoever comes second matches no row, reads what the first has written, and goes on."""
    with _isolation(client, IsolationLevel.READ_COMMITTED):
        return take_checked(client)


def repeatable_read_checked(client: Client) -> range:
    """The same loop never gets to loop: the UPDATE fails, and the transaction with it."""
    with _isolation(client, IsolationLevel.REPEATABLE_READ):
        return take_checked(client)


def repeatable_read_begun_again(client: Client) -> range:
    """A new transaction has a new snapshot. No version is needed: Postgres checks for itself."""
    for _ in range(TRIES):
        try:
            with _isolation(client, IsolationLevel.REPEATABLE_READ):
                return take_unchecked(client)
        except psycopg.errors.SerializationFailure:
            client.retries += 1
    raise RuntimeError("somebody else was always first")


def _isolation(
    client: Client, level: IsolationLevel
) -> AbstractContextManager[psycopg.Transaction]:
    """One transaction at this level."""
    client.connection.isolation_level = level
    return client.connection.transaction()


_LOST_UPDATE: Final = (
    "Two processes read the same row, both write it back, both own the same block."
)

RACES: Final = (
    Race(
        name="block-version",
        goes_wrong=_LOST_UPDATE,
        remedy="READ COMMITTED: version in the WHERE, read again",
        seen_in="what TinyID's version is for",
        schema=_SCHEMA,
        faulty=read_committed_unchecked,
        mended=read_committed_checked,
        links_per_call=BLOCK,
    ),
    Race(
        name="block-isolation",
        goes_wrong=_LOST_UPDATE,
        remedy="REPEATABLE READ, begin again on 40001",
        schema=_SCHEMA,
        faulty=read_committed_unchecked,
        mended=repeatable_read_begun_again,
        links_per_call=BLOCK,
    ),
    Race(
        name="block-snapshot",
        goes_wrong="A retry loop inside a REPEATABLE READ transaction cannot succeed: no block.",
        remedy="begin the transaction again, not the loop",
        seen_in="TinyID, before it set READ COMMITTED",
        schema=_SCHEMA,
        faulty=repeatable_read_checked,
        mended=repeatable_read_begun_again,
        links_per_call=BLOCK,
    ),
)
