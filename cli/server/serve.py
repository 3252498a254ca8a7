"""hop serve."""

import os
import shutil
import sys
from pathlib import Path
from typing import Final, get_args

import click

from app.links.codes import note_strategy
from app.observe.metrics import DIRECTORY_VARIABLE
from app.server.command import (
    THREADS,
    ServerName,
    ServerNotInstalledError,
    database_limits,
    server_command,
)
from app.settings import Settings
from cli.server.migrate import store_admin_key
from cli.server.settings import read_admin_key, read_settings
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError
from db.migrate import find_missing

LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


@click.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8000, type=click.IntRange(1, 65_535))
@click.option(
    "--server",
    type=click.Choice(get_args(ServerName)),
    default="gunicorn",
    help="WSGI server. granian is several times faster and needs the extra hop[fast].",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=lambda: os.cpu_count() or 1,
    show_default="one per core",
    help="Number of web processes.",
)
def serve(host: str, port: int, server: ServerName, workers: int) -> None:
    """Serve redirects, the API and pages over HTTP.

    The database must be migrated (`hop migrate`). This process becomes the WSGI server, which
    starts the web processes. SIGTERM stops it.
    """
    settings, admin_key = read_settings(), read_admin_key()
    if settings.lab == "demo" and host not in LOOPBACK:
        raise click.ClickException(
            f"HOP_LAB=demo lets anyone start experiments, and --host {host} accepts connections"
            " from other machines; set HOP_LAB=admin or off"
        )
    if admin_key is not None:
        try:
            store_admin_key(settings.database_url, admin_key)
        except DatabaseUnavailableError as error:
            _warn(f"HOP_ADMIN_KEY is not stored yet: {error}")
    announce_strategy(settings)
    if not settings.base_url and host not in LOOPBACK:
        _warn("without HOP_BASE_URL, short URLs repeat each client's Host header")
    environ = server_environ(settings, server, port)
    if int(environ["HOP_DATABASE_WAITERS"]) >= THREADS[server]:
        _warn(
            f"HOP_DATABASE_WAITERS is not below the {THREADS[server]} threads of a web process:"
            " while Postgres hangs, no thread is left for cached links"
        )
    factory = "app.factory" if settings.lab == "off" else "lab.page.factory"
    try:
        command = server_command(server, f"{factory}:serve_from_env", host, port, workers)
    except ServerNotInstalledError as error:
        raise click.ClickException(str(error)) from error
    sys.stdout.flush()
    os.execve(command[0], command, environ)


def announce_strategy(settings: Settings) -> None:
    """Record the strategy that makes codes from now on; print a notice if it has changed."""
    try:
        if find_missing(settings.database_url):
            _warn("the schema is not up to date. Run: hop migrate")
            return
        with open_pool(settings.database_url, name="hop-serve", max_size=1) as pool:
            change = note_strategy(settings, pool)
    except DatabaseUnavailableError as error:
        _warn(f"cannot tell whether HOP_KEYGEN was changed: {error}")
    else:
        if change is not None:
            click.echo(f"notice: {change}", err=True)


def server_environ(settings: Settings, server: ServerName, port: int) -> dict[str, str]:
    """The environment of the WSGI server: this process's, without the admin key.

    It adds limits that follow from the server's threads, unless they are set, and an empty
    directory for the counters of its web processes. Directories of dead servers are removed.

    Raises:
        OSError: the journal's directory is not writable.
    """
    directory = Path(settings.journal_dir).absolute()
    for former in directory.glob(f"metrics-{port}-*"):
        pid = former.name.rpartition("-")[2]
        # A server that still runs may be serving this port, and this one will fail to bind it.
        if not (pid.isdigit() and _is_alive(int(pid))):
            shutil.rmtree(former, ignore_errors=True)
    metrics = directory / f"metrics-{port}-{os.getpid()}"
    metrics.mkdir(parents=True, exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if name != "HOP_ADMIN_KEY"}
    return {**database_limits(THREADS[server]), **environ, DIRECTORY_VARIABLE: str(metrics)}


def _warn(message: str) -> None:
    click.echo(f"warning: {message}", err=True)


def _is_alive(pid: int) -> bool:
    """Whether a process with this id runs and is not this one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return pid != os.getpid()
