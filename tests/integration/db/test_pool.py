"""The pool: dead connections are passed over, slow and hung servers are not waited for."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psutil
import psycopg
import pytest

from db.api_keys import set_key
from db.connect import embedded
from db.connect.pool import FAILURES_IN_A_ROW, Pool, connection_to, open_pool, ping
from db.errors import DatabaseUnavailableError


def test_first_query_works_when_the_server_has_closed_the_idle_connections(pool: Pool):
    def hold(_: int) -> int:
        with connection_to(pool) as connection:
            connection.execute("SELECT pg_sleep(0.05)")
            return connection.info.backend_pid

    with ThreadPoolExecutor(4) as threads:
        backends = set(threads.map(hold, range(4)))
    with psycopg.connect(pool.conninfo, autocommit=True) as other:
        for backend in backends:
            other.execute("SELECT pg_terminate_backend(%s, 1000)", (backend,))
    for _ in range(4):
        ping(pool)


def test_statement_is_ended_when_it_takes_too_long(database_url: str):
    with (
        open_pool(database_url, name="hop-test", statement_timeout_ms=100) as pool,
        pytest.raises(DatabaseUnavailableError, match="statement timeout"),
        connection_to(pool) as connection,
    ):
        connection.execute("SELECT pg_sleep(5)")


def test_schema_that_was_never_made_is_a_database_that_is_away(empty_database_url: str):
    with (
        open_pool(empty_database_url, name="hop-test") as pool,
        pytest.raises(DatabaseUnavailableError),
    ):
        ping(pool)


def test_standby_that_takes_no_writes_is_a_database_that_is_away(pool: Pool):
    with psycopg.connect(pool.conninfo, autocommit=True) as other:
        name = other.info.dbname
        other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    with (
        open_pool(pool.conninfo, name="hop-test") as standby,
        pytest.raises(DatabaseUnavailableError, match="read-only"),
    ):
        set_key(standby, "admin", "a-key-for-this-test")


def test_breaker_opens_with_the_first_request_when_postgres_is_gone(tmp_path):
    server = embedded.prepare_postgres(tmp_path / "postgres")
    process = server.start()
    try:
        embedded.wait_until_ready(server, process, timeout_s=30)
        with open_pool(server.url, name="hop-test") as pool:
            together = Barrier(FAILURES_IN_A_ROW)

            def hold(_: int) -> None:
                with connection_to(pool):
                    together.wait(timeout=10)

            with ThreadPoolExecutor(FAILURES_IN_A_ROW) as threads:
                list(threads.map(hold, range(FAILURES_IN_A_ROW)))
            process.send_signal(server.stop_signal)
            process.wait(timeout=30)
            with pytest.raises(DatabaseUnavailableError):
                ping(pool)
            assert pool.breaker.is_open  # none of the dead connections could be replaced
    finally:
        process.send_signal(server.stop_signal)
        process.wait(timeout=30)


def test_answer_is_given_up_when_postgres_hangs_and_the_pool_works_when_it_goes_on(tmp_path):
    server = embedded.prepare_postgres(tmp_path / "postgres")
    process = server.start()
    embedded.wait_until_ready(server, process, timeout_s=30)
    family = [process, *psutil.Process(process.pid).children()]
    try:
        with open_pool(server.url, name="hop-test", statement_timeout_ms=100) as pool:
            with connection_to(pool) as connection:
                connection.execute("SELECT 1")
            backends = psutil.Process(process.pid).children()
            for each in [process, *backends]:
                os.kill(each.pid, signal.SIGSTOP)
            started = time.monotonic()
            with pytest.raises(DatabaseUnavailableError), connection_to(pool) as connection:
                connection.execute("SELECT 1")
            assert time.monotonic() - started < 5  # without a deadline of ours: for ever
            for each in [process, *backends]:
                os.kill(each.pid, signal.SIGCONT)
            deadline = time.monotonic() + 20
            while True:
                try:
                    with connection_to(pool) as connection:
                        connection.execute("SELECT 1")
                    break
                except DatabaseUnavailableError:
                    assert time.monotonic() < deadline
    finally:
        for each in family:
            if psutil.pid_exists(each.pid):
                os.kill(each.pid, signal.SIGCONT)
        process.send_signal(server.stop_signal)
        process.wait(timeout=30)
