"""hop demo."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import click
import urllib3

from app.server.command import ServerName
from cli.demo.file import last_api_key, write_demo_file
from cli.demo.output import say, show_prefixed
from cli.demo.process_ids import read_process_ids
from cli.demo.seed import seed
from cli.demo.start import DemoOptions, start_databases, start_hop
from cli.demo.supervisor import Supervisor
from cli.server.migrate import store_admin_key
from cli.server.settings import parse_settings, read_admin_key
from db import links
from db.connect import embedded
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError
from db.migrate import MigrationError, migrate

DEFAULT_PORT: Final = 8000
WATCH_EVERY_S: Final = 0.25
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
EXPECTED: Final = (
    embedded.EmbeddedServerError,
    DatabaseUnavailableError,
    MigrationError,
    urllib3.exceptions.HTTPError,
    OSError,
)
# Stand-ins for the addresses of servers that are not started yet.
UNKNOWN_ADDRESSES: Final = {"HOP_DATABASE_URL": "postgresql://", "HOP_REDIS_URL": "unix://"}


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=DEFAULT_PORT,
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
    help="Directory of all data; delete it to start afresh.",
)
@click.option(
    "--server",
    type=click.Choice(get_args(ServerName)),
    default="gunicorn",
    show_default=True,
    help="WSGI server.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Number of web processes.",
)
@click.option("--no-seed", is_flag=True, help="Start without sample links and clicks.")
def demo(port: int, data_dir: Path, server: str, workers: int, *, no_seed: bool) -> None:
    """Run all of hop on this machine, databases included.

    Starts Postgres, Redis, the web processes and the worker, and restarts a process that dies.
    Postgres and Redis come with hop; HOP_DATABASE_URL and HOP_REDIS_URL select existing servers
    instead. Ctrl-C or SIGTERM stops everything; the data stay. DATA_DIR/demo.json lists addresses,
    the admin key and process ids.
    """
    options = DemoOptions(port, data_dir.resolve(), server, workers, seed=not no_seed)
    # Refuse invalid settings before anything is started.
    api_key = read_admin_key() or last_api_key(options.data_dir) or secrets.token_urlsafe(24)
    parse_settings({**UNKNOWN_ADDRESSES, **os.environ})
    os.environ.pop("HOP_ADMIN_KEY", None)  # the database gets its hash; no child process needs it
    try:
        options.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(options.data_dir):
            _check_port(port)
            asyncio.run(_run(options, api_key))
    except EXPECTED as error:
        raise click.ClickException(str(error)) from error


async def _run(options: DemoOptions, api_key: str) -> None:
    """Serve until a stop signal arrives, then stop every program."""
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(show_prefixed)
    serving = asyncio.create_task(_serve(options, supervisor, api_key))
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        say("stopping ...")
    finally:
        for number in STOP_SIGNALS:  # a second one must not interrupt the stop
            loop.add_signal_handler(number, lambda: None)
        await supervisor.stop()
    say(f"stopped; the data stay in {_shown(options.data_dir)}")


async def _serve(options: DemoOptions, supervisor: Supervisor, api_key: str) -> None:
    """Start all programs, then keep demo.json up to date."""
    database_url, redis_url = await start_databases(options, supervisor)
    for migration in await asyncio.to_thread(migrate, database_url):
        say(f"hop      | applied migration {migration.version:04} {migration.name}")
    await asyncio.to_thread(store_admin_key, database_url, api_key)
    await start_hop(options, supervisor, database_url, redis_url)
    content = {
        "url": options.url,
        "api_key": api_key,
        "database_url": database_url,
        "redis_url": redis_url,
        "pids": read_process_ids(supervisor),
    }
    write_demo_file(options.data_dir, content)
    if options.seed and await asyncio.to_thread(_is_empty, database_url):
        clicks = await asyncio.to_thread(seed, options.url, options.journal_dir)
        say(f"hop      | created sample links and {clicks:,} clicks")
    _welcome(options)
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        pids = read_process_ids(supervisor)
        if pids != content["pids"]:
            content["pids"] = pids
            write_demo_file(options.data_dir, content)


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    with (data_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(
                f"another hop demo uses {data_dir}; stop it or choose another --data-dir"
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


def _welcome(options: DemoOptions) -> None:
    hop = f"{Path(sys.executable).parent}/hop"
    hop = ".venv/bin/hop" if Path(".venv").resolve() == Path(sys.prefix) else hop
    variable = "" if options.port == DEFAULT_PORT else f"HOP_URL={options.url} "
    say(
        f"""
  hop is running. The front page: {options.url}

  Try, in another terminal:
    {variable}{hop} shorten https://example.org/a/long/address
    curl -i {options.url}/http
    {variable}{hop} stats http

  Data and admin key: {_shown(options.data_dir)} (demo.json). Ctrl-C stops everything.
"""
    )
    say(f"ready {options.url}")


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _is_empty(database_url: str) -> bool:
    with open_pool(database_url, name="hop-demo") as pool:
        return not links.has_links(pool)
