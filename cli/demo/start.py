"""The parts of a demo, each started when what it needs answers."""

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3

from cli.demo.processes import environ_with, this_python
from cli.demo.supervisor import Program, Supervisor
from db.connect import embedded

START_WITHIN_S: Final = 30.0
# What Redis says at each start, as warnings.
NOISE: Final = re.compile("oO0OoO0|Redis version=|Configuration loaded|Memory overcommit")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line."""

    port: int
    data_dir: Path
    server: str
    workers: int
    seed: bool

    @property
    def url(self) -> str:
        """Where the demo answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def journal_dir(self) -> Path:
        """Where its web processes keep their journals."""
        return self.data_dir / "journal"


async def start_servers(plan: Plan, supervisor: Supervisor) -> tuple[str, str]:
    """Start the embedded servers that are not replaced by existing ones; returns both addresses."""
    addresses = []
    for name, prepare, variable, colour in (
        ("postgres", embedded.prepare_postgres, "HOP_DATABASE_URL", "blue"),
        ("redis", embedded.prepare_redis, "HOP_REDIS_URL", "red"),
    ):
        address = os.environ.get(variable)
        if not address:
            server = await asyncio.to_thread(prepare, plan.data_dir / name)
            await supervisor.start(
                Program(
                    name, server.argv, colour, server.stop_signal, user=server.user, noise=NOISE
                )
            )
            await _until(server.answers, name)
            address = server.url
        addresses.append(address)
    return addresses[0], addresses[1]


async def start_hop(plan: Plan, supervisor: Supervisor, database_url: str, redis_url: str) -> None:
    """Start worker and web on a database that is migrated, and wait until they answer."""
    environ = environ_with(
        HOP_DATABASE_URL=database_url,
        HOP_REDIS_URL=redis_url,
        HOP_JOURNAL_DIR=str(plan.journal_dir),
        # A demo listens on the loopback address alone, so its lab may be open.
        HOP_LAB=os.environ.get("HOP_LAB", "demo"),
        HOP_LOG_FORMAT=os.environ.get("HOP_LOG_FORMAT", "console"),
        PYTHONUNBUFFERED="1",
    )
    serve = this_python(
        *("serve", "--port", str(plan.port), "--server", plan.server),
        *("--workers", str(plan.workers)),
    )
    # The web comes last, so that it stops first and the worker can still count its last clicks.
    await supervisor.start(Program("worker", this_python("worker"), "magenta", environ=environ))
    # Web processes whose server was killed stop listening at once, and ship what they still have.
    await supervisor.start(Program("web", serve, "green", environ=environ, overlaps=True))
    await _until(lambda: _is_ready(plan.url), "the web server")


async def _until(is_ready: Callable[[], bool], what: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_WITHIN_S
    while not await asyncio.to_thread(is_ready):
        if loop.time() > deadline:
            raise embedded.EmbeddedServerError(
                f"{what} does not answer after {START_WITHIN_S:.0f} s; its own messages are above"
            )
        await asyncio.sleep(0.02)


def _is_ready(url: str) -> bool:
    try:
        # Closed at once: gunicorn leaves idle connections 2 s for a last request when it stops.
        close = {"Connection": "close"}
        answer = urllib3.request("GET", f"{url}/readyz", headers=close, timeout=2, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200  # noqa: PLR2004
