"""A Postgres and a Redis that an experiment may break: new, empty, and gone afterwards."""

import itertools
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg

from db.connect import embedded
from db.migrate import migrate

READY_WITHIN_S: Final = 30.0
STOPPED_WITHIN_S: Final = 30.0


class LabServers:
    """Running servers in one directory; `lab_servers` starts and stops them."""

    def __init__(self, directory: Path, shared_buffers: str) -> None:
        self.directory = directory
        self._redis_directory = directory / "redis"
        self._postgres = embedded.prepare_postgres(
            directory / "postgres", shared_buffers=shared_buffers
        )
        self._redis = embedded.prepare_redis(self._redis_directory)
        self._servers = {server.name: server for server in (self._redis, self._postgres)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._numbers = itertools.count(1)

    @property
    def database_url(self) -> str:
        """A database with hop's schema and nothing in it."""
        return self._postgres.url

    @property
    def redis_url(self) -> str:
        """An empty Redis, unless it was left out."""
        return self._redis.url

    def start(self, *, with_redis: bool) -> None:
        """Start the servers and bring the schema up to date.

        Raises:
            db.connect.embedded.EmbeddedServerError: one does not start.
        """
        self._start(self._postgres)
        if with_redis:
            self._start(self._redis)
        migrate(self.database_url)

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The address of a new database with hop's schema; dropped at the end, whoever uses it."""
        name = f"lab_{next(self._numbers)}"
        # A copy of the migrated one, to which nobody may be connected meanwhile but we.
        self._execute(f"CREATE DATABASE {name} TEMPLATE postgres")
        try:
            yield self.database_url.replace("/postgres?", f"/{name}?")
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def restart_redis_without_data(self) -> None:
        """Kill Redis, delete its file and start it again, as after a lost disk."""
        self.kill_server("redis")
        (self._redis_directory / "appendonly.aof").unlink()
        self._start(self._redis)

    def pid(self, name: str) -> int:
        """The process of the running server `postgres` or `redis`."""
        return self._processes[name].pid

    def start_server(self, name: str) -> None:
        """Start a server that was stopped or killed, on the data that it left.

        Raises:
            db.connect.embedded.EmbeddedServerError: it does not start.
        """
        self._start(self._servers[name])

    def stop_server(self, name: str) -> None:
        """Stop a server in its own way; one that does not obey is killed."""
        process = self._processes.pop(name)
        process.send_signal(self._servers[name].stop_signal)
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill_server(self, name: str) -> None:
        """SIGKILL a server, and wait for the processes that it leaves behind to end by themselves.

        Postgres does not start again while one of them is attached to its shared memory.
        """
        process = self._processes.pop(name)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(STOPPED_WITHIN_S)
        psutil.wait_procs(family, STOPPED_WITHIN_S)

    def stop(self) -> None:
        """Stop what runs."""
        for name in self._servers.keys() & self._processes.keys():
            self.stop_server(name)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _start(self, server: embedded.Server) -> None:
        process = self._processes[server.name] = server.start()
        embedded.wait_until_ready(server, process, READY_WITHIN_S)


@contextmanager
def lab_servers(
    *, with_redis: bool = True, keep: bool = False, shared_buffers: str = "128MB"
) -> Iterator[LabServers]:
    """Servers of one's own in a temporary directory; removed at the end, on Ctrl-C and SIGTERM too.

    Args:
        with_redis: start a Redis, too.
        keep: leave the directory there, with what the servers and others have written.
        shared_buffers: Postgres's own cache.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    directory = Path(tempfile.mkdtemp(prefix="hop-lab-"))
    try:
        with _sigterm_unwinds():
            servers = LabServers(directory, shared_buffers)
            try:
                servers.start(with_redis=with_redis)
                yield servers
            finally:
                servers.stop()
    finally:
        if not keep:
            shutil.rmtree(directory)


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """SIGTERM would end Python on the spot and leave the servers running: make it an exception."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
