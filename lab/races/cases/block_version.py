"""Blocks of ids from a row that is read and written back with a version.

Two isolation levels, with and without the version in the WHERE clause:

|                 | version not checked                | version checked                         |
|-----------------|------------------------------------|-----------------------------------------|
| READ COMMITTED  | lost update: the same block twice  | no row matches: read again              |
| REPEATABLE READ | SQLSTATE 40001                     | SQLSTATE 40001; reading again is futile |

Under REPEATABLE READ, Postgres refuses the second writer ("first updater wins",
https://www.postgresql.org/docs/current/transaction-iso.html), so the transaction must start again.
MySQL does not refuse: its snapshot hides the new version from every read, so a loop inside the
transaction never succeeds. TinyID had such a loop (DbSegmentIdServiceImpl; `take_checked` is the
same) at MySQL's default level, and was set to READ COMMITTED for that reason.
"""

from contextlib import AbstractContextManager
from typing import Final

import psycopg
from psycopg import IsolationLevel

from lab.races.race import Client, Race

BLOCK: Final = 100
ATTEMPTS: Final = 100

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
    """Read, then write regardless of what has changed."""
    start, version = client.connection.execute(_READ).fetchone() or (0, 0)
    client.wait_for_others()
    client.connection.execute(_WRITE, {"stop": start + BLOCK, "version": version})
    return range(start, start + BLOCK)


def take_checked(client: Client) -> range:
    """Read, then write if the version is still the same, else read again."""
    for _ in range(ATTEMPTS):
        start, version = client.connection.execute(_READ).fetchone() or (0, 0)
        client.wait_for_others()
        values = {"stop": start + BLOCK, "version": version}
        if client.connection.execute(_WRITE_CHECKED, values).rowcount == 1:
            return range(start, start + BLOCK)
        client.retries += 1
    raise RuntimeError(f"the version had changed in {ATTEMPTS} attempts")


def read_committed_unchecked(client: Client) -> range:
    """Lost update: all clients write the same next_id and get the same block."""
    with _transaction(client, IsolationLevel.READ_COMMITTED):
        return take_unchecked(client)


def read_committed_checked(client: Client) -> range:
    """The second writer matches no row, reads what the first has written, and succeeds."""
    with _transaction(client, IsolationLevel.READ_COMMITTED):
        return take_checked(client)


def repeatable_read_checked(client: Client) -> range:
    """The loop does not get to its second turn: the UPDATE fails, and the transaction with it."""
    with _transaction(client, IsolationLevel.REPEATABLE_READ):
        return take_checked(client)


def repeatable_read_restarted(client: Client) -> range:
    """A new transaction has a new snapshot. Postgres itself checks, so no version is needed."""
    for _ in range(ATTEMPTS):
        try:
            with _transaction(client, IsolationLevel.REPEATABLE_READ):
                return take_unchecked(client)
        except psycopg.errors.SerializationFailure:
            client.retries += 1
    raise RuntimeError(f"{ATTEMPTS} transactions failed to serialize")


def _transaction(
    client: Client, level: IsolationLevel
) -> AbstractContextManager[psycopg.Transaction]:
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
        fixed=read_committed_checked,
        links_per_call=BLOCK,
    ),
    Race(
        name="block-isolation",
        goes_wrong=_LOST_UPDATE,
        remedy="REPEATABLE READ, start again on 40001",
        schema=_SCHEMA,
        faulty=read_committed_unchecked,
        fixed=repeatable_read_restarted,
        links_per_call=BLOCK,
    ),
    Race(
        name="block-snapshot",
        goes_wrong="A retry loop inside a REPEATABLE READ transaction cannot succeed: no block.",
        remedy="start the transaction again, not the loop",
        seen_in="TinyID, before it set READ COMMITTED",
        schema=_SCHEMA,
        faulty=repeatable_read_checked,
        fixed=repeatable_read_restarted,
        links_per_call=BLOCK,
    ),
)
