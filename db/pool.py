"""The connection pool, and the one place where driver errors become ours."""

import select
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from db.errors import DatabaseUnavailableError

Connection = psycopg.Connection[TupleRow]
Pool = ConnectionPool[Connection]

CONNECT_TIMEOUT_S = 2
CHECKOUT_TIMEOUT_S = 1.0
# A statement that takes longer is a fault: every query of hop reads or writes a few rows by key.
STATEMENT_TIMEOUT_MS = 2_000


def open_pool(
    database_url: str,
    *,
    name: str,
    max_size: int = 8,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> Pool:
    """Open a pool that connects in the background; it does not wait for Postgres.

    Connections are in autocommit mode, so that a single statement costs a single round trip;
    several statements that belong together use `connection.transaction()`. Open it after fork.
    """
    pool: Pool = ConnectionPool(
        database_url,
        name=name,
        min_size=1,
        max_size=max_size,
        timeout=CHECKOUT_TIMEOUT_S,
        max_waiting=200,
        reconnect_timeout=0,  # do not retry on a schedule: each request that needs one tries
        kwargs={
            "autocommit": True,
            "application_name": name,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c statement_timeout={statement_timeout_ms} -c timezone=UTC",
        },
        open=False,
    )
    pool.open(wait=False)
    return pool


@contextmanager
def connection_to(pool: Pool) -> Iterator[Connection]:
    """A connection from the pool.

    Raises:
        DatabaseUnavailableError: no connection could be had in time, or it broke in use.
    """
    try:
        connection = _take_living(pool)
        try:
            yield connection
        finally:
            pool.putconn(connection)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnavailableError(str(error)) from error


def ping(pool: Pool) -> None:
    """One round trip.

    Raises:
        DatabaseUnavailableError: it failed.
    """
    with connection_to(pool) as connection:
        connection.execute("SELECT 1")


def server_version(pool: Pool) -> int:
    """Postgres's version as a number: 180004 is 18.4.

    Raises:
        DatabaseUnavailableError: it cannot be asked.
    """
    with connection_to(pool) as connection:
        return connection.info.server_version


def _take_living(pool: Pool) -> Connection:
    """Take a connection, passing over those whose server went away while they lay idle.

    The pool's own check would ask the server, a round trip, and pause for a second after each dead
    connection: after a restart of Postgres that is one per request.
    """
    connection = pool.getconn()
    while _is_dead(connection):
        connection.close()
        pool.putconn(connection)  # the pool sees that it is closed and makes another
        connection = pool.getconn()
    return connection


def _is_dead(connection: Connection) -> bool:
    """Whether an idle connection has something to read: only a dying server sends that."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)  # errors and hang-ups are always reported
    return bool(poller.poll(0))
