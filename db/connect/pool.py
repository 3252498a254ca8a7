"""The connection pool, and the one place where psycopg's errors become ours."""

import contextlib
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from db.errors import DatabaseUnavailableError
from guard.breaker import Breaker
from guard.bulkhead import Bulkhead, BulkheadFullError


class Connection(psycopg.Connection[TupleRow]):
    """A connection with a deadline of its own: a server that hangs enforces no time-out."""

    deadline_s = 5.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for an answer, at most `deadline_s`.

        Raises:
            psycopg.OperationalError: none came; the connection is closed.
        """
        within_s = timeout or self.deadline_s
        try:
            return super().wait(gen, interval, within_s)
        except psycopg.OperationalError as error:
            if self.info.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()  # the answer may still come, and would be taken for another query's
            raise psycopg.OperationalError(f"no answer in {self.deadline_s} s") from error


class Pool(ConnectionPool[Connection]):
    """Connections behind a breaker and a bulkhead; use them by `connection_to` and `place_in`."""

    def __init__(self, *arguments: Any, waiters: int, **options: Any) -> None:
        """Set up the pool for at most `waiters` threads at the same time."""
        super().__init__(*arguments, **options)
        self.breaker = Breaker("Postgres", failures=FAILURES_IN_A_ROW)
        self.bulkhead = Bulkhead(waiters, self.breaker)


UNBOUNDED = 1_000_000
CONNECT_TIMEOUT_S = 2
# A host that vanished sends nothing: after these seconds the connection counts as broken, and the
# kernel stops retransmitting. (TCP only; not every kernel knows each of them.)
_KEEPALIVES = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 4_000,
}
CHECKOUT_TIMEOUT_S = 1.0
# A pool that is merely busy has successes in between.
FAILURES_IN_A_ROW = 5
# SQLSTATE classes of a server that is unwell: connection, resources, operator, system.
_UNWELL = ("08", "53", "57", "58")
# How much longer than the server's own limit a client waits to be told that it was reached.
DEADLINE_SLACK_S = 1.0
# A missing schema, or a standby that accepts no writes: not the fault of the request.
_NOT_READY = (psycopg.errors.UndefinedTable, psycopg.errors.ReadOnlySqlTransaction)
# A longer statement is a fault: every query of a request reads or writes a few rows by key.
STATEMENT_TIMEOUT_MS = 2_000


def open_pool(
    database_url: str,
    *,
    name: str,
    max_size: int = 8,
    waiters: int = UNBOUNDED,
    checkout_timeout_s: float = CHECKOUT_TIMEOUT_S,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    cursor_factory: type[psycopg.Cursor[TupleRow]] | None = None,
) -> Pool:
    """Open a pool that connects in the background; it does not wait for Postgres.

    Connections are in autocommit mode, so that a single statement costs a single round trip;
    several statements that belong together use `connection.transaction()`. Open it after fork.

    Args:
        database_url: which database.
        name: what Postgres shows for its connections.
        max_size: connections at most.
        waiters: threads that may wait for Postgres at the same time.
        checkout_timeout_s: how long to wait for a connection.
        statement_timeout_ms: after this long Postgres cancels a statement.
        cursor_factory: the class that runs statements, for callers that watch them.
    """

    def set_deadline(connection: Connection) -> None:
        connection.deadline_s = statement_timeout_ms / 1_000 + DEADLINE_SLACK_S

    pool = Pool(
        database_url,
        name=name,
        min_size=1,
        max_size=max_size,
        waiters=waiters,
        timeout=checkout_timeout_s,
        max_waiting=200,
        reconnect_timeout=0,  # no retries on a schedule: each request that needs one tries
        reconnect_failed=_note_refused,
        kwargs={
            "autocommit": True,
            "application_name": name,
            "cursor_factory": cursor_factory,
            "connect_timeout": CONNECT_TIMEOUT_S,
            **_KEEPALIVES,
            "options": f"-c statement_timeout={statement_timeout_ms} -c timezone=UTC",
        },
        connection_class=Connection,
        configure=set_deadline,
        open=False,
    )
    pool.open(wait=False)
    return pool


def _note_refused(pool: ConnectionPool[Any]) -> None:
    """Tell the breaker at once that a connection was refused.

    A thread that waits for a connection is not told, and would wait until its time-out.
    """
    cast("Pool", pool).breaker.note_failure(ConnectionError("Postgres accepts no connection"))


@contextmanager
def place_in(pool: Pool) -> Iterator[None]:
    """A place in the bulkhead, for a thread that needs Postgres later and first waits for others.

    Raises:
        DatabaseUnavailableError: too many threads wait for Postgres.
    """
    try:
        with pool.bulkhead:
            yield
    except BulkheadFullError as error:
        raise DatabaseUnavailableError(str(error)) from error


@contextmanager
def connection_to(pool: Pool) -> Iterator[Connection]:
    """A connection from the pool.

    Raises:
        DatabaseUnavailableError: no connection was free in time, or it broke; at once while the
            breaker is open.
    """
    if not pool.breaker.allows():
        raise DatabaseUnavailableError("Postgres did not answer; the breaker is open")
    try:
        with place_in(pool):
            connection = _take_living(pool)
            try:
                yield connection
            finally:
                pool.putconn(connection)
    except (psycopg.OperationalError, psycopg.InterfaceError, *_NOT_READY) as error:
        if error.sqlstate is None or error.sqlstate.startswith(_UNWELL):
            pool.breaker.note_failure(error)
        raise DatabaseUnavailableError(str(error)) from error
    else:
        pool.breaker.note_success()


def ping(pool: Pool) -> None:
    """One round trip, which also finds out whether the schema is there.

    Raises:
        DatabaseUnavailableError: it failed.
    """
    with connection_to(pool) as connection:
        connection.execute("SELECT FROM links LIMIT 0")


def probe(pool: Pool) -> None:
    """Close the breaker if Postgres answers again. A periodic job.

    Otherwise the first requests after its return would find out, one per pause, while all others
    are refused.
    """
    if pool.breaker.is_open:
        with contextlib.suppress(DatabaseUnavailableError):
            ping(pool)


def server_version(pool: Pool) -> int:
    """Postgres's version as a number: 180004 is 18.4.

    Raises:
        DatabaseUnavailableError: it cannot be asked.
    """
    with connection_to(pool) as connection:
        return connection.info.server_version


def _take_living(pool: Pool) -> Connection:
    """Take a connection, skipping those whose server went away while they were idle.

    The pool's own check costs a round trip, and pauses for a second after each dead connection:
    after a restart of Postgres that is one per request.
    """
    connection = pool.getconn()
    while _is_dead(connection):
        connection.close()
        pool.putconn(connection)  # the pool sees that it is closed and makes another
        connection = pool.getconn()
    return connection


def _is_dead(connection: Connection) -> bool:
    """Whether an idle connection has something to read: only a server that ends sends that."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)  # errors and hang-ups are always reported
    return bool(poller.poll(0))
