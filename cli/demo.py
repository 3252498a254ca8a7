"""hop demo: everything on this machine, from one command."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import urllib3

from cli.environment import parse_settings, read_admin_key
from cli.migrate import store_admin_key
from cli.seed import seed
from cli.supervisor import (
    Program,
    Supervisor,
    environ_with,
    show_prefixed,
    this_python,
    web_workers,
)
from db import embedded, links
from db.errors import DatabaseUnavailableError
from db.migrate import MigrationError, migrate
from db.pool import open_pool

START_WITHIN_S: Final = 30.0
WATCH_EVERY_S: Final = 0.25
# What Redis says at each start, as warnings.
NOISE: Final = re.compile("oO0OoO0|Redis version=|Configuration loaded|Memory overcommit")

# Stand-ins for the servers that are not started yet.
ADDRESSES_TO_COME: Final = {"HOP_DATABASE_URL": "postgresql:", "HOP_REDIS_URL": "unix:"}


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


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=8000,
    show_default=True,
    envvar="HOP_PORT",
    show_envvar=True,
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=".hop",
    show_default=True,
    envvar="HOP_DATA_DIR",
    show_envvar=True,
    help="Where everything is kept; delete it to start afresh.",
)
@click.option(
    "--server", type=click.Choice(["gunicorn", "granian"]), default="gunicorn", show_default=True
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Web processes."
)
@click.option("--no-seed", is_flag=True, help="Start without sample links and clicks.")
def demo(port: int, data_dir: Path, server: str, workers: int, *, no_seed: bool) -> None:
    """Run all of hop here: Postgres, Redis, migrations, web and worker.

    Postgres and Redis come with hop and touch no server of this machine; HOP_DATABASE_URL and
    HOP_REDIS_URL make it use existing ones. A process that dies is started again. Ctrl-C or
    SIGTERM stops everything that was started; the data stay in the directory. Addresses, the
    admin key and process ids are in DATA_DIR/demo.json.
    """
    plan = Plan(port, data_dir.resolve(), server, workers, seed=not no_seed)
    # What cannot be used is refused before anything is started.
    read_admin_key()
    parse_settings({**ADDRESSES_TO_COME, **os.environ})
    plan.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _sole_user_of(plan.data_dir):
        _check_port(port)
        try:
            asyncio.run(_run(plan))
        except (embedded.EmbeddedServerError, DatabaseUnavailableError, MigrationError) as error:
            raise click.ClickException(str(error)) from error


async def _run(plan: Plan) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run made one
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    supervisor = Supervisor(show_prefixed)
    try:
        await _serve(plan, supervisor)
    except asyncio.CancelledError:
        click.echo("stopping ...")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
        await supervisor.stop()
    click.echo(f"stopped; the data stay in {_shown(plan.data_dir)}")


async def _serve(plan: Plan, supervisor: Supervisor) -> None:
    database_url, redis_url = await _start_servers(plan, supervisor)
    for migration in await asyncio.to_thread(migrate, database_url):
        click.echo(f"hop      | applied migration {migration.version:04} {migration.name}")
    api_key = _admin_key(plan)
    await asyncio.to_thread(store_admin_key, database_url, api_key)
    await _start_hop(plan, supervisor, database_url, redis_url)
    await _until(lambda: _is_ready(plan.url), "the web server")
    known = {
        "url": plan.url,
        "api_key": api_key,
        "database_url": database_url,
        "redis_url": redis_url,
    }
    async with _kept_up_to_date(plan, supervisor, known):
        if plan.seed and await asyncio.to_thread(_is_empty, database_url):
            clicks = await asyncio.to_thread(seed, plan.url, plan.journal_dir)
            click.echo(f"hop      | made sample links and {clicks:,} clicks")
        _welcome(plan)
        await asyncio.Event().wait()


async def _start_servers(plan: Plan, supervisor: Supervisor) -> tuple[str, str]:
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


async def _start_hop(plan: Plan, supervisor: Supervisor, database_url: str, redis_url: str) -> None:
    environ = environ_with(
        HOP_DATABASE_URL=database_url,
        HOP_REDIS_URL=redis_url,
        HOP_JOURNAL_DIR=str(plan.journal_dir),
        HOP_LOG_FORMAT=os.environ.get("HOP_LOG_FORMAT", "console"),
        PYTHONUNBUFFERED="1",
    )
    environ.pop("HOP_ADMIN_KEY", None)  # its hash is in the database; nobody else needs the key
    serve = this_python(
        *("serve", "--port", str(plan.port), "--server", plan.server),
        *("--workers", str(plan.workers)),
    )
    # The web comes last, so that it stops first and the worker can still count its last clicks.
    await supervisor.start(Program("worker", this_python("worker"), "magenta", environ=environ))
    await supervisor.start(Program("web", serve, "green", environ=environ))


@contextlib.asynccontextmanager
async def _kept_up_to_date(
    plan: Plan, supervisor: Supervisor, known: dict[str, Any]
) -> AsyncIterator[None]:
    """Keep demo.json true while the block runs."""
    path = plan.data_dir / "demo.json"
    written = None

    def write() -> None:
        nonlocal written
        server = supervisor.pid("web")
        pids = {
            "web": web_workers(server),
            "gunicorn": server,  # the WSGI server's first process, whichever server it is
            "worker": supervisor.pid("worker"),
            "postgres": supervisor.pid("postgres"),
            "redis": supervisor.pid("redis"),
        }
        if pids != written:
            _write_private(path, json.dumps({**known, "pids": pids}, indent=2) + "\n")
            written = pids

    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            write()

    write()
    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


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
        answer = urllib3.request("GET", f"{url}/readyz", timeout=2, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200  # noqa: PLR2004


def _is_empty(database_url: str) -> bool:
    with open_pool(database_url, name="hop-demo") as pool:
        return not links.has_links(pool)


def _admin_key(plan: Plan) -> str:
    """HOP_ADMIN_KEY, else the key of the last start, else a new one."""
    given = read_admin_key()
    if given is not None:
        return given
    try:
        last = json.loads((plan.data_dir / "demo.json").read_text(encoding="utf-8"))
        return str(last["api_key"])
    except (OSError, ValueError, KeyError):
        return secrets.token_urlsafe(24)


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner can read it."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


@contextlib.contextmanager
def _sole_user_of(data_dir: Path) -> Iterator[None]:
    with (data_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(
                f"another hop demo uses {data_dir}; stop it or give another --data-dir"
            ) from error
        yield


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise click.ClickException(
                f"port {port} cannot be used ({error.strerror}); try --port {port + 1}, or"
                f" HOP_PORT={port + 1} make demo"
            ) from error


def _welcome(plan: Plan) -> None:
    hop = f"{Path(sys.executable).parent}/hop"
    hop = ".venv/bin/hop" if Path(".venv").resolve() == Path(sys.prefix) else hop
    at = "" if plan.port == 8000 else f"HOP_URL={plan.url} "  # noqa: PLR2004
    click.echo(
        f"""
  hop is running. The front page: {plan.url}

  Try, in another terminal:
    {at}{hop} shorten https://example.org/a/long/address
    curl -i {plan.url}/http
    {at}{hop} stats http

  Data and admin key: {_shown(plan.data_dir)} (demo.json). Ctrl-C stops everything.
"""
    )
    click.echo(f"ready {plan.url}")
    sys.stdout.flush()


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
