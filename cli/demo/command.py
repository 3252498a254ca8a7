"""hop demo."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import click
import urllib3

from app.server.command import ServerName
from cli.demo.file import last_api_key
from cli.demo.run import run_demo
from cli.demo.start import DEFAULT_DATA_DIR, DEFAULT_PORT, DemoOptions
from cli.server.settings import parse_settings, read_admin_key
from db.connect import embedded
from db.errors import DatabaseUnavailableError
from db.migrate import MigrationError

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
    envvar="HOP_PORT",
    show_envvar=True,
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=str(DEFAULT_DATA_DIR),
    envvar="HOP_DATA_DIR",
    show_envvar=True,
    help="Directory of all data; delete it to start afresh.",
)
@click.option(
    "--server", type=click.Choice(get_args(ServerName)), default="gunicorn", help="WSGI server."
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, help="Number of web processes.")
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
            asyncio.run(run_demo(options, api_key))
    except EXPECTED as error:
        raise click.ClickException(str(error)) from error


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
