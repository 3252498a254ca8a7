"""What stands behind a web process: Postgres, Redis, the worker and some links.

They run on the cores that the measured server does not use.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from app.links.shorten import MAX_BULK
from app.process import WebProcess, open_process
from app.server.command import THREADS, ServerName, database_limits
from app.settings import Settings
from bench.servers.plain_apps import TARGET
from bench.servers.web_server import ServerError
from lab.servers import lab_servers

LINKS: Final = 1_000
COUNTED_WITHIN_S: Final = 120.0
_PROGRAMS: Final = {"postgres": "postgres", "redis-server": "redis"}


@dataclass(slots=True)
class Backends:
    """Running databases with links in them."""

    directory: Path
    database_url: str
    redis_url: str
    process_ids: dict[str, int]  # of postgres, redis and worker
    codes: list[str] = field(default_factory=list)
    _starts: int = 0

    @property
    def codes_file(self) -> Path:
        """All codes, one per line."""
        return self.directory / "codes.txt"

    def settings(
        self, server: ServerName = "gunicorn", *, with_redis: bool = True
    ) -> dict[str, str]:
        """The environment of a new server.

        Each call names a new journal directory. In a shared one, a web process would adopt and ship
        its predecessor's journal while it is measured.

        Args:
            server: decides how many threads may wait for Postgres.
            with_redis: False gives an address at which no Redis listens.
        """
        self._starts += 1
        no_redis_url = f"unix://{self.directory}/no-redis.sock"
        return {
            "HOP_DATABASE_URL": self.database_url,
            "HOP_REDIS_URL": self.redis_url if with_redis else no_redis_url,
            "HOP_JOURNAL_DIR": str(self.directory / "journals" / str(self._starts)),
            "HOP_LOG_LEVEL": "warning",
            "HOP_RATE_LIMIT": "off",
            **database_limits(THREADS[server]),
        }

    def make_links(self, links: int) -> None:
        """Create links to TARGET until there are `links`; appends to `codes`."""
        process = open_process(Settings.from_env(self.settings()))
        try:
            while len(self.codes) < links:
                targets = [TARGET] * min(MAX_BULK, links - len(self.codes))
                self.codes += [link.code for link in process.shortener.shorten_many(targets)]
        finally:
            process.close()
        self.codes_file.write_text("".join(f"{code}\n" for code in self.codes), encoding="utf-8")

    def count_clicks(self, expected: int) -> int:
        """Wait until all clicks in journals are shipped and counted; returns the total.

        Raises:
            ServerError: fewer than expected are counted in time.
        """
        journals = self.directory / "journals" / "left"
        journals.mkdir()
        for file in self.directory.glob("journals/*/*.journal"):
            file.rename(journals / file.name)
        settings = {**self.settings(), "HOP_JOURNAL_DIR": str(journals)}
        process = open_process(Settings.from_env(settings))  # adopts and ships the journals
        try:
            deadline_s = time.monotonic() + COUNTED_WITHIN_S
            while (counted := self._read_clicks()) < expected:
                if time.monotonic() > deadline_s:
                    raise ServerError(f"{counted:,} clicks were counted, expected {expected:,}")
                time.sleep(0.2)
        finally:
            process.close()
        return counted

    def _read_clicks(self) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT sum(clicks) FROM click_totals").fetchone()
        return int(row[0] or 0) if row else 0


@contextmanager
def running_backends(*, links: int = LINKS) -> Iterator[Backends]:
    """Start the backends on the cores of this process; stop them at the end of the block.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    with lab_servers() as servers:
        backends = Backends(servers.directory, servers.database_url, servers.redis_url, {})
        worker = subprocess.Popen(
            [sys.executable, "-m", "analytics_worker"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=backends.settings(),
        )
        try:
            backends.process_ids["worker"] = worker.pid
            for child in psutil.Process().children():
                if child.name() in _PROGRAMS:
                    backends.process_ids[_PROGRAMS[child.name()]] = child.pid
            backends.make_links(links)
            yield backends
        finally:
            worker.terminate()
            worker.wait()


@contextmanager
def opened_process(**settings: Any) -> Iterator[WebProcess]:
    """What a web process opens, in this process and on embedded servers.

    Args:
        settings: fields of `Settings`, besides the addresses and the journal's directory.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    with lab_servers() as servers:
        process = open_process(
            Settings(
                database_url=servers.database_url,
                redis_url=servers.redis_url,
                journal_dir=str(servers.directory / "journal"),
                **settings,
            )
        )
        try:
            yield process
        finally:
            process.close()
