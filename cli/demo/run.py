"""Runs a demo from start to stop."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Final

import click

from cli.demo.file import write_demo_file
from cli.demo.process_ids import read_process_ids
from cli.demo.program import Program
from cli.demo.seed import seed
from cli.demo.start import (
    DEFAULT_DATA_DIR,
    DEFAULT_PORT,
    DemoOptions,
    start_databases,
    start_hop,
)
from cli.demo.supervisor import Supervisor
from cli.server.migrate import store_admin_key
from db import links
from db.connect.pool import open_pool
from db.migrate import migrate

WATCH_EVERY_S: Final = 0.25
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


async def run_demo(options: DemoOptions, api_key: str) -> None:
    """Serve until a stop signal arrives, then stop every program."""
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(_show_prefixed)
    serving = asyncio.create_task(_serve(options, supervisor, api_key))
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        _say("stopping ...")
    finally:
        for number in STOP_SIGNALS:  # a second one must not interrupt the stop
            loop.add_signal_handler(number, lambda: None)
        await supervisor.stop()
    _say(f"stopped; the data stay in {_shown(options.data_dir)}")


async def _serve(options: DemoOptions, supervisor: Supervisor, api_key: str) -> None:
    """Start all programs, then keep demo.json up to date."""
    database_url, redis_url = await start_databases(options, supervisor)
    for migration in await asyncio.to_thread(migrate, database_url):
        _say(f"hop      | applied migration {migration.version:04} {migration.name}")
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
        _say(f"hop      | created sample links and {clicks:,} clicks")
    _welcome(options)
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        pids = read_process_ids(supervisor)
        if pids != content["pids"]:
            with contextlib.suppress(OSError):  # if the disk is full, the next round tries again
                write_demo_file(options.data_dir, {**content, "pids": pids})
                content["pids"] = pids


def _welcome(options: DemoOptions) -> None:
    hop = f"{Path(sys.executable).parent}/hop"
    hop = ".venv/bin/hop" if Path(".venv").resolve() == Path(sys.prefix) else hop
    variables = "" if options.port == DEFAULT_PORT else f"HOP_URL={options.url} "
    if options.data_dir.resolve() != DEFAULT_DATA_DIR.resolve():
        variables += f"HOP_DATA_DIR={shlex.quote(_shown(options.data_dir))} "
    _say(
        f"""
  hop is running. The front page: {options.url}

  Try, in another terminal:
    {variables}{hop} shorten https://example.org/a/long/address
    curl -i {options.url}/http
    {variables}{hop} stats http

  Data and admin key: {_shown(options.data_dir)} (demo.json). Ctrl-C stops everything.
"""
    )
    _say(f"ready {options.url}")


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _is_empty(database_url: str) -> bool:
    with open_pool(database_url, name="hop-demo") as pool:
        return not links.has_links(pool)


def _show_prefixed(program: Program, line: str) -> None:
    """Print a line of a program after the program's name, coloured on a terminal."""
    prefix = click.style(f"{program.name:<9}|", fg=program.colour)
    _say(f"{prefix} {line}")


def _say(text: str) -> None:
    """Print and flush; discard output once the reader is gone, as in `hop demo | head`."""
    try:
        click.echo(text, color=None if sys.stdout.isatty() else False)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
