"""Starts the programs of a demo, each when the ones that it needs answer."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3

from cli.demo.program import Program
from cli.demo.supervisor import Supervisor
from db.connect import embedded

DEFAULT_PORT: Final = 8000
DEFAULT_DATA_DIR: Final = Path(".hop")
START_WITHIN_S: Final = 30.0
HOP: Final = (sys.executable, "-m", "cli.main")
# Warnings that Redis prints at each start.
NOISE: Final = re.compile("oO0OoO0|Redis version=|Configuration loaded|Memory overcommit")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of the command line."""

    port: int
    data_dir: Path
    server: str
    workers: int
    seed: bool

    @property
    def url(self) -> str:
        """The address of the demo."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def journal_dir(self) -> Path:
        """The directory of the journals of its web processes."""
        return self.data_dir / "journal"


async def start_databases(options: DemoOptions, supervisor: Supervisor) -> tuple[str, str]:
    """Start Postgres and Redis, except where the environment names an existing server.

    Returns:
        The addresses of Postgres and Redis.
    """
    addresses = []
    for name, prepare, variable, colour in (
        ("postgres", embedded.prepare_postgres, "HOP_DATABASE_URL", "blue"),
        ("redis", embedded.prepare_redis, "HOP_REDIS_URL", "red"),
    ):
        address = os.environ.get(variable)
        if not address:
            server = await asyncio.to_thread(prepare, options.data_dir / name)
            await supervisor.start(
                Program(
                    name, server.argv, colour, server.stop_signal, user=server.user, noise=NOISE
                )
            )
            await _wait_until(server.answers, name)
            address = server.url
        addresses.append(address)
    return addresses[0], addresses[1]


async def start_hop(
    options: DemoOptions, supervisor: Supervisor, database_url: str, redis_url: str
) -> None:
    """Start the worker and the web server on a migrated database; return when they answer."""
    environ = {
        # A demo listens on the loopback address only, so anyone who reaches it may use its lab.
        "HOP_LAB": "demo",
        "HOP_LOG_FORMAT": "console",
        **os.environ,
        "HOP_DATABASE_URL": database_url,
        "HOP_REDIS_URL": redis_url,
        "HOP_JOURNAL_DIR": str(options.journal_dir),
        "PYTHONUNBUFFERED": "1",
    }
    serve = (
        *(*HOP, "serve", "--port", str(options.port), "--server", options.server),
        *("--workers", str(options.workers)),
    )
    # The web server starts last, so it stops first, and the worker can count its last clicks.
    await supervisor.start(Program("worker", (*HOP, "worker"), "magenta", environ=environ))
    # Web processes of a killed server stop listening at once, then ship what they have.
    await supervisor.start(Program("web", serve, "green", environ=environ, overlaps=True))
    await _wait_until(lambda: _is_ready(options.url), "the web server")


async def _wait_until(is_ready: Callable[[], bool], what: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_WITHIN_S
    while not await asyncio.to_thread(is_ready):
        if loop.time() > deadline:
            raise embedded.EmbeddedServerError(
                f"{what} does not answer after {START_WITHIN_S:.0f} s; see its output above"
            )
        await asyncio.sleep(0.02)


def _is_ready(url: str) -> bool:
    try:
        # Closed at once: gunicorn leaves idle connections 2 s for a last request when it stops.
        close = {"Connection": "close"}
        answer = urllib3.request("GET", f"{url}/readyz", headers=close, timeout=2, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200
