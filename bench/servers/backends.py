"""What hop needs behind it in the bench: Postgres, Redis, worker and links; and all clicks counted.

All of it runs on the cores that the measured server does not have.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import psycopg

from app.links.bulk import shorten_many
from app.process import open_resources
from app.settings import Settings
from bench.servers.plain_apps import TARGET
from bench.servers.web_server import ServingError, python_module
from cli.server.serve import process_defaults
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
        """All codes, a line each."""
        return self.directory / "codes.txt"

    def settings(self, server: str = "gunicorn", *, with_redis: bool = True) -> dict[str, str]:
        """The environment of a web process, with a journal directory of its own.

        Otherwise the next process would adopt what the one before has left, and ship it while it is
        measured.
        """
        self._starts += 1
        absent = f"unix://{self.directory}/no-redis.sock"
        return {
            "HOP_DATABASE_URL": self.database_url,
            "HOP_REDIS_URL": self.redis_url if with_redis else absent,
            "HOP_JOURNAL_DIR": str(self.directory / "journals" / str(self._starts)),
            "HOP_LOG_LEVEL": "warning",
            "HOP_RATE_LIMIT": "off",
            **process_defaults(server),
        }

    def make_links(self, links: int) -> None:
        """Make links, all of the same target, whose codes are `codes`."""
        settings = Settings.from_env(self.settings())
        resources = open_resources(settings)
        try:
            while len(self.codes) < links:
                targets = [TARGET] * min(1_000, links - len(self.codes))
                self.codes += [link.code for link in shorten_many(resources.store, targets)]
        finally:
            resources.close()
        self.codes_file.write_text("".join(f"{code}\n" for code in self.codes), encoding="utf-8")

    def count_clicks(self, expected: int) -> int:
        """Have what is left in journals shipped and counted; returns all clicks.

        Raises:
            ServingError: they stay fewer than were expected.
        """
        journals = self.directory / "journals" / "left"
        journals.mkdir()
        for file in self.directory.glob("journals/*/*.journal"):
            file.rename(journals / file.name)
        settings = {**self.settings(), "HOP_JOURNAL_DIR": str(journals)}
        resources = open_resources(Settings.from_env(settings))  # which adopts and ships them
        try:
            deadline_s = time.monotonic() + COUNTED_WITHIN_S
            while (counted := self._read_clicks()) < expected:
                if time.monotonic() > deadline_s:
                    raise ServingError(f"{counted:,} clicks were counted, not {expected:,}")
                time.sleep(0.2)
        finally:
            resources.close()
        return counted

    def _read_clicks(self) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT sum(clicks) FROM click_totals").fetchone()
        return int(row[0] or 0) if row else 0


@contextmanager
def running_backends(directory: Path, *, links: int = LINKS) -> Iterator[Backends]:
    """Start all of it on the cores of this process; end it at the end of the block.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    with lab_servers() as servers:
        backends = Backends(directory, servers.database_url, servers.redis_url, {})
        worker = subprocess.Popen(
            python_module("cli.main", "worker"),
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
