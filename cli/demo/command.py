"""hop demo: everything on this machine, from one command."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import click
import urllib3

from cli.demo.file import last_api_key, write_demo_file
from cli.demo.output import say, show_prefixed, web_workers
from cli.demo.seed import seed
from cli.demo.start import Plan, start_hop, start_servers
from cli.demo.supervisor import Supervisor
from cli.server.migrate import store_admin_key
from cli.server.settings import parse_settings, read_admin_key
from db import links
from db.connect import embedded
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError
from db.migrate import MigrationError, migrate

WATCH_EVERY_S: Final = 0.25
EXPECTED: Final = (
    embedded.EmbeddedServerError,
    DatabaseUnavailableError,
    MigrationError,
    urllib3.exceptions.HTTPError,
)

# Stand-ins for the servers that are not started yet.
ADDRESSES_TO_COME: Final = {"HOP_DATABASE_URL": "postgresql://", "HOP_REDIS_URL": "unix://"}


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
    api_key = read_admin_key() or last_api_key(plan.data_dir) or secrets.token_urlsafe(24)
    parse_settings({**ADDRESSES_TO_COME, **os.environ})
    os.environ.pop("HOP_ADMIN_KEY", None)  # its hash goes into the database; no program needs it
    try:
        plan.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _sole_user_of(plan.data_dir):
            _check_port(port)
            asyncio.run(_run(plan, api_key))
    except (*EXPECTED, OSError) as error:
        raise click.ClickException(str(error)) from error


async def _run(plan: Plan, api_key: str) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run made one
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    supervisor = Supervisor(show_prefixed)
    try:
        await _serve(plan, supervisor, api_key)
    except asyncio.CancelledError:
        say("stopping ...")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
        await supervisor.stop()
    say(f"stopped; the data stay in {_shown(plan.data_dir)}")


async def _serve(plan: Plan, supervisor: Supervisor, api_key: str) -> None:
    database_url, redis_url = await start_servers(plan, supervisor)
    for migration in await asyncio.to_thread(migrate, database_url):
        say(f"hop      | applied migration {migration.version:04} {migration.name}")
    await asyncio.to_thread(store_admin_key, database_url, api_key)
    await start_hop(plan, supervisor, database_url, redis_url)
    known = {
        "url": plan.url,
        "api_key": api_key,
        "database_url": database_url,
        "redis_url": redis_url,
    }
    async with _kept_up_to_date(plan, supervisor, known):
        if plan.seed and await asyncio.to_thread(_is_empty, database_url):
            clicks = await asyncio.to_thread(seed, plan.url, plan.journal_dir)
            say(f"hop      | made sample links and {clicks:,} clicks")
        _welcome(plan)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _kept_up_to_date(
    plan: Plan, supervisor: Supervisor, known: dict[str, Any]
) -> AsyncIterator[None]:
    """Keep demo.json true while the block runs."""
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
            write_demo_file(plan.data_dir, {**known, "pids": pids})
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
    say(
        f"""
  hop is running. The front page: {plan.url}

  Try, in another terminal:
    {at}{hop} shorten https://example.org/a/long/address
    curl -i {plan.url}/http
    {at}{hop} stats http

  Data and admin key: {_shown(plan.data_dir)} (demo.json). Ctrl-C stops everything.
"""
    )
    say(f"ready {plan.url}")


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _is_empty(database_url: str) -> bool:
    with open_pool(database_url, name="hop-demo") as pool:
        return not links.has_links(pool)
