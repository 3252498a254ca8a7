"""hop doctor."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import redis

from app.clicks import journal_file
from app.clicks.lag import read_lag
from app.settings import Settings, unknown_settings
from cli.demo.file import demo_file, read_demo_file
from cli.server.settings import read_settings
from db import migrate
from db.connect import pool
from db.connect.redis_client import connect_redis
from db.errors import DatabaseUnavailableError

OLDEST_POSTGRES: Final = 150_000
OLDEST_REDIS: Final = (6, 2)
# Clicks are counted within about a second, unless a worker or a web process is missing.
MAX_LAG_S: Final = 60


class CheckFailedError(Exception):
    """A check failed; the message says what to do."""


@click.command()
def doctor() -> None:
    """Check settings and dependencies; say how to fix each fault.

    Checks the settings, Postgres, the schema, Redis, the journal's disk and the clicks not counted
    yet. Reads the same environment as `hop serve`; without HOP_DATABASE_URL, checks the demo in
    this folder. Exits with status 1 if a check fails.
    """
    demo = read_demo_file()
    if demo is not None and "HOP_DATABASE_URL" not in os.environ:
        click.echo(f"checking the demo in {demo_file()}")
        os.environ["HOP_DATABASE_URL"] = demo["database_url"]
        os.environ["HOP_REDIS_URL"] = demo["redis_url"]
        os.environ.setdefault("HOP_JOURNAL_DIR", str(demo_file().parent / "journal"))
    settings = read_settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "settings": _check_settings,
        "postgres": _check_postgres,
        "schema": _check_schema,
        "redis": _check_redis,
        "journal": _check_journal,
        "clicks": _check_clicks,
    }
    failures = 0
    for name, check in checks.items():
        try:
            click.echo(f"{click.style('ok  ', fg='green')} {name:<9} {check(settings)}")
        except (CheckFailedError, DatabaseUnavailableError, redis.RedisError, OSError) as error:
            failures += 1
            click.echo(f"{click.style('FAIL', fg='red')} {name:<9} {error}")
    sys.exit(1 if failures else 0)


def _check_settings(settings: Settings) -> str:
    unknown = unknown_settings(os.environ)
    if unknown:
        raise CheckFailedError("; ".join(unknown))
    base = settings.base_url or "the host of each request (HOP_BASE_URL sets one)"
    return f"short links start with {base}"


def _check_postgres(settings: Settings) -> str:
    with pool.open_pool(settings.database_url, name="hop-doctor", max_size=1) as opened:
        version = pool.server_version(opened)
    if version < OLDEST_POSTGRES:
        raise CheckFailedError(f"version {version // 10_000} is too old; 15 or newer is needed")
    return f"version {version // 10_000}.{version % 10_000}"


def _check_schema(settings: Settings) -> str:
    missing = migrate.find_missing(settings.database_url)
    if missing:
        raise CheckFailedError(f"{len(missing)} migrations are not applied. Run: hop migrate")
    return "up to date"


def _check_redis(settings: Settings) -> str:
    with connect_redis(settings.redis_url, timeout_s=2) as client:
        version = str(client.info("server")["redis_version"])
        policy = str(client.config_get("maxmemory-policy").get("maxmemory-policy"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise CheckFailedError(f"version {version} is too old; 6.2 or newer is needed")
    if policy.startswith("allkeys"):
        raise CheckFailedError(
            f"maxmemory-policy {policy} may evict the click streams, so that hop sends clicks again"
            " and again. Set it to volatile-lru"
        )
    return f"version {version}, maxmemory-policy {policy}"


def _check_journal(settings: Settings) -> str:
    directory = Path(settings.journal_dir)
    if not directory.is_dir():
        return f"there is no {directory} yet; a `hop serve` that runs here uses another one"
    journal_file.create(directory).remove()
    free = os.statvfs(directory)
    return f"{directory} is writable, {free.f_bavail * free.f_frsize // 2**20:,} MiB free"


def _check_clicks(settings: Settings) -> str:
    with (
        pool.open_pool(settings.database_url, name="hop-doctor", max_size=1) as opened,
        connect_redis(settings.redis_url, timeout_s=2) as client,
    ):
        lag = read_lag(Path(settings.journal_dir), opened, client)
    if lag.dropped:
        raise CheckFailedError(
            f"{lag.dropped:,} clicks were dropped in the last days: the disk or the quota was full."
            " Search the logs for `clicks dropped`; free disk space or raise"
            " HOP_JOURNAL_QUOTA_BYTES"
        )
    if lag.unreadable:
        raise CheckFailedError(
            f"{lag.unreadable:,} journals in {settings.journal_dir} are unreadable; clicks may wait"
            " in them. Run this as the user of `hop serve`; if you do, check the disk"
        )
    about = "about " if lag.is_estimate else ""
    waiting = (
        f"{about}{lag.clicks:,} ({lag.bytes:,} bytes) wait here,"
        f" the oldest for {lag.oldest_age_s:.0f} s"
    )
    if lag.oldest_age_s > MAX_LAG_S:
        raise CheckFailedError(
            f"{waiting}; {lag.stream_length:,} chunks are in the streams. If there are many, run"
            " `hop worker`; if there are none, run `hop serve` on this host to ship them"
        )
    return (
        f"{waiting}; {lag.stream_length:,} chunks in the streams, {lag.dead_letters:,} dead letters"
    )
