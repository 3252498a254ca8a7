"""A new, empty Postgres and Redis for one experiment, which may break them."""

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg

from db.connect import embedded
from db.migrate import migrate
from lab.processes import sigterm_exits, stop_process

READY_WITHIN_S: Final = 30.0
STOPPED_WITHIN_S: Final = 30.0


class LabServers:
    """Running servers with their data in one directory. `lab_servers` starts and stops them."""

    def __init__(self, directory: Path, shared_buffers: str) -> None:
        self.directory = directory
        self._redis_directory = directory / "redis"
        self._postgres = embedded.prepare_postgres(
            directory / "postgres", shared_buffers=shared_buffers
        )
        self._redis = embedded.prepare_redis(self._redis_directory)
        self._servers = {server.name: server for server in (self._redis, self._postgres)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._database_numbers = itertools.count(1)

    @property
    def database_url(self) -> str:
        """A migrated database."""
        return self._postgres.url

    @property
    def redis_url(self) -> str:
        """The Redis; nothing listens there if it was not started."""
        return self._redis.url

    def start(self, *, with_redis: bool) -> None:
        """Start the servers and migrate the database.

        Raises:
            db.connect.embedded.EmbeddedServerError: a server does not start.
        """
        self.start_server("postgres")
        if with_redis:
            self.start_server("redis")
        migrate(self.database_url)

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The address of a new, migrated database; dropped at the end, even if in use."""
        name = f"lab_{next(self._database_numbers)}"
        # The template must have no other connection meanwhile.
        self._execute(f"CREATE DATABASE {name} TEMPLATE postgres")
        try:
            yield self.database_url.replace("/postgres?", f"/{name}?")
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def restart_redis_without_data(self) -> None:
        """Kill Redis, delete its append-only file and start it again: a lost disk."""
        self.kill_server("redis")
        (self._redis_directory / "appendonly.aof").unlink()
        self.start_server("redis")

    def pid(self, name: str) -> int:
        """The process id of `postgres` or `redis`, which must be running."""
        return self._processes[name].pid

    def start_server(self, name: str) -> None:
        """Start a server on the data that it has.

        Raises:
            db.connect.embedded.EmbeddedServerError: it does not start.
        """
        process = self._processes[name] = self._servers[name].start()
        embedded.wait_until_ready(self._servers[name], process, READY_WITHIN_S)

    def stop_server(self, name: str) -> None:
        """Shut a server down cleanly; SIGKILL it if that takes too long."""
        stop_process(self._processes.pop(name), STOPPED_WITHIN_S, self._servers[name].stop_signal)

    def kill_server(self, name: str) -> None:
        """SIGKILL a server and wait until its child processes have ended by themselves.

        Postgres does not start while one of them is attached to its shared memory.
        """
        process = self._processes.pop(name)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(STOPPED_WITHIN_S)
        psutil.wait_procs(children, STOPPED_WITHIN_S)

    def stop(self) -> None:
        """Stop the servers that run."""
        for name in self._servers.keys() & self._processes.keys():
            self.stop_server(name)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def lab_servers(
    *, with_redis: bool = True, keep: bool = False, shared_buffers: str = "128MB"
) -> Iterator[LabServers]:
    """Servers in a temporary directory. Both are gone at the end, after Ctrl-C and SIGTERM too.

    Args:
        with_redis: start a Redis as well.
        keep: leave the directory in place, with data and logs.
        shared_buffers: the Postgres setting of that name.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    directory = Path(tempfile.mkdtemp(prefix="hop-lab-"))
    try:
        with sigterm_exits():
            servers = LabServers(directory, shared_buffers)
            try:
                servers.start(with_redis=with_redis)
                yield servers
            finally:
                servers.stop()
    finally:
        if not keep:
            shutil.rmtree(directory)
