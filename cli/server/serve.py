"""hop serve."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from app.links.codes import note_strategy
from app.observe.metrics import DIRECTORY_VARIABLE
from app.settings import Settings
from cli.server.migrate import store_admin_key
from cli.server.settings import read_admin_key, read_settings
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError
from db.migrate import find_missing

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# The interpreter runs one at a time, but a thread that waits for Postgres or Redis lets others run,
# and those who wait to write share an INSERT. granian hands requests to threads from outside the
# interpreter: it is fastest with a thread for each request that is there at the same time, and idle
# ones end after half a minute. gunicorn does that in Python, where more threads help nobody.
THREADS = {"gunicorn": 16, "granian": 32}
MOST_CONNECTIONS = 8  # of a process: one for all that is written, the others for look-ups
GRACE_S = 10
# From this size on a block of memory is given back when it is freed. Without it glibc raises the
# bound by what is freed, and each thread's arena keeps the tables of links that it once made
# larger: 9 MB over 600,000 requests.
LARGE_BLOCK_BYTES = 128 * 1024


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65_535))
@click.option(
    "--server",
    type=click.Choice(["gunicorn", "granian"]),
    default="gunicorn",
    show_default=True,
    help="WSGI server. granian is several times faster and needs the extra hop[fast].",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=lambda: os.cpu_count() or 1,
    show_default="one per core",
    help="Web processes.",
)
def serve(host: str, port: int, server: str, workers: int) -> None:
    """Serve HTTP: shorten, redirect, API and pages.

    Needs a database that `hop migrate` has prepared. This process becomes the WSGI server, which
    starts the web processes; stop it with SIGTERM.
    """
    settings, admin_key = read_settings(), read_admin_key()
    if settings.lab == "demo" and host not in LOOPBACK:
        raise click.ClickException(
            f"HOP_LAB=demo lets anybody start work, and --host {host} is open to others than this"
            " machine; set HOP_LAB=admin or off"
        )
    if admin_key is not None:
        try:
            store_admin_key(settings.database_url, admin_key)
        except DatabaseUnavailableError as error:
            click.echo(f"warning: HOP_ADMIN_KEY is not stored yet: {error}", err=True)
    announce_strategy(settings)
    if not settings.base_url and host not in LOOPBACK:
        click.echo("warning: without HOP_BASE_URL, short URLs repeat each client's Host", err=True)
    environ = server_environ(settings, server, port)
    if int(environ["HOP_DATABASE_WAITERS"]) >= THREADS[server]:
        click.echo(
            f"warning: a web process has {THREADS[server]} threads. With as many"
            " HOP_DATABASE_WAITERS, none is left for links in a cache while Postgres hangs",
            err=True,
        )
    factory = "app.factory" if settings.lab == "off" else "lab.page.factory"
    arguments = server_arguments(server, f"{factory}:serve_from_env", host, port, workers)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", *arguments], environ)  # noqa: S606


def announce_strategy(settings: Settings) -> None:
    """Record which strategy makes codes from now on, and say so when that is a change."""
    try:
        if find_missing(settings.database_url):
            click.echo("warning: the schema is not up to date. Run: hop migrate", err=True)
            return
        with open_pool(settings.database_url, name="hop-serve", max_size=1) as pool:
            change = note_strategy(settings, pool)
    except DatabaseUnavailableError as error:
        click.echo(f"warning: cannot tell whether HOP_KEYGEN was changed: {error}", err=True)
    else:
        if change is not None:
            click.echo(f"notice: {change}", err=True)


def server_environ(settings: Settings, server: str, port: int) -> dict[str, str]:
    """The environment of the WSGI server: ours, without the secret, and with what it decides.

    Raises:
        OSError: the journal's directory cannot be written to.
    """
    # What an earlier server has counted is past. One that lives still serves this port, or will
    # when we cannot.
    directory = Path(settings.journal_dir).absolute()
    for past in directory.glob(f"metrics-{port}-*"):
        pid = past.name.rpartition("-")[2]
        if not (pid.isdigit() and _is_alive(int(pid))):
            shutil.rmtree(past, ignore_errors=True)
    metrics = directory / f"metrics-{port}-{os.getpid()}"
    metrics.mkdir(parents=True, exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if name != "HOP_ADMIN_KEY"}
    return {**process_defaults(server), **environ, DIRECTORY_VARIABLE: str(metrics)}


def _is_alive(pid: int) -> bool:
    """Whether there is such a process other than this one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return pid != os.getpid()


def process_defaults(server: str) -> dict[str, str]:
    """The environment of a web process, as far as it depends on the server and is not set."""
    limits = waiting_limits(THREADS[server])
    return {
        **{name: str(number) for name, number in limits.items()},
        "MALLOC_MMAP_THRESHOLD_": str(LARGE_BLOCK_BYTES),
    }


def waiting_limits(threads: int) -> dict[str, int]:
    """How many of a process's threads, at least 4, may wait for Postgres: all but an eighth."""
    return {
        "HOP_DATABASE_CONNECTIONS": max(2, min(threads * 3 // 8, MOST_CONNECTIONS)),
        "HOP_DATABASE_WAITERS": threads - max(1, threads // 8),
    }


def server_arguments(server: str, factory: str, host: str, port: int, workers: int) -> list[str]:
    """What to give to `python -m` to start a WSGI server as hop runs it.

    Args:
        server: "gunicorn" or "granian".
        factory: "module:function" that makes the WSGI app, once in each worker process.
        host: address to listen on.
        port: TCP port.
        workers: web processes.

    Raises:
        click.ClickException: granian is not installed.
    """
    build = _granian if server == "granian" else _gunicorn
    return build(factory, host, port, workers)


def _gunicorn(factory: str, host: str, port: int, workers: int) -> list[str]:
    address = f"[{host}]" if ":" in host else host
    return [
        *("gunicorn", f"{factory}()", "--bind", f"{address}:{port}"),
        *(
            "--worker-class",
            "gthread",
            "--workers",
            str(workers),
            "--threads",
            str(THREADS["gunicorn"]),
        ),
        *("--graceful-timeout", str(GRACE_S), "--keep-alive", "5", "--log-level", "warning"),
        "--no-control-socket",
    ]


def _granian(factory: str, host: str, port: int, workers: int) -> list[str]:
    if find_spec("granian") is None:
        raise click.ClickException("granian is not installed. Try: pip install 'hop[fast]'")
    numbers = (port, workers, THREADS["granian"], GRACE_S)
    return ["app.server.granian", factory, host, *map(str, numbers)]
