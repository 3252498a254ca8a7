"""hop doctor."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
import redis

from app.clicks import journal_file
from app.clicks.lag import read_lag
from app.settings import Settings, unknown_settings
from cli.demo.file import demo_file, read_demo_file
from cli.environment import read_settings
from db import migrate
from db.connect import pool
from db.connect.redis_client import connect_redis
from db.errors import DatabaseUnavailableError

OLDEST_POSTGRES = 150_000
OLDEST_REDIS = (6, 2)
# Counting lags by a second; by this much only when somebody who should count or ship does not.
LONGEST_LAG_S = 60


class FoundFaultError(Exception):
    """A check failed; the message says what to mend."""


@click.command()
def doctor() -> None:
    """Check every part and say what to mend.

    Looks at the settings, Postgres, the schema, Redis, the journal's disk and the clicks on their
    way. Reads the same environment as `hop serve`; without HOP_DATABASE_URL it looks at the demo
    whose data lie in this folder. Ends with status 1 when something is wrong.
    """
    demo = read_demo_file()
    if demo is not None and "HOP_DATABASE_URL" not in os.environ:
        click.echo(f"looking at the demo of {demo_file()}")
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
    faults = 0
    for name, check in checks.items():
        try:
            click.echo(f"{click.style('ok  ', fg='green')} {name:<9} {check(settings)}")
        except (FoundFaultError, DatabaseUnavailableError, redis.RedisError, OSError) as error:
            faults += 1
            click.echo(f"{click.style('FAIL', fg='red')} {name:<9} {error}")
    sys.exit(1 if faults else 0)


def _check_settings(settings: Settings) -> str:
    unknown = unknown_settings(os.environ)
    if unknown:
        raise FoundFaultError("; ".join(unknown))
    base = settings.base_url or "the address that each client used (set HOP_BASE_URL to fix it)"
    return f"short links begin with {base}"


def _check_postgres(settings: Settings) -> str:
    with pool.open_pool(settings.database_url, name="hop-doctor", max_size=1) as opened:
        version = pool.server_version(opened)
    if version < OLDEST_POSTGRES:
        raise FoundFaultError(f"version {version // 10_000} is too old; 15 or newer is needed")
    return f"version {version // 10_000}.{version % 10_000}"


def _check_schema(settings: Settings) -> str:
    missing = migrate.find_missing(settings.database_url)
    if missing:
        raise FoundFaultError(f"{len(missing)} migrations are missing. Run: hop migrate")
    return "up to date"


def _check_redis(settings: Settings) -> str:
    with connect_redis(settings.redis_url, timeout_s=2) as client:
        version = str(client.info("server")["redis_version"])
        policy = str(client.config_get("maxmemory-policy").get("maxmemory-policy"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise FoundFaultError(f"version {version} is too old; 6.2 or newer is needed")
    if policy.startswith("allkeys"):
        raise FoundFaultError(
            f"maxmemory-policy {policy} may evict the click stream, which makes hop send it again"
            " and again. Set it to volatile-lru"
        )
    return f"version {version}, maxmemory-policy {policy}"


def _check_journal(settings: Settings) -> str:
    directory = Path(settings.journal_dir)
    if not directory.is_dir():
        return f"there is no {directory} yet. If `hop serve` runs here, it has another one"
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
        raise FoundFaultError(
            f"{lag.dropped:,} clicks were dropped in the last days, for want of room. Look for"
            f" `clicks dropped` in the logs, free the disk or raise HOP_JOURNAL_QUOTA_BYTES"
        )
    if lag.unreadable:
        raise FoundFaultError(
            f"{lag.unreadable:,} journals in {settings.journal_dir} cannot be read, so nobody knows"
            " what waits in them. Ask as the user of `hop serve`; if you do, look at the disk"
        )
    about = "about " if lag.is_estimate else ""
    found = (
        f"{about}{lag.clicks:,} ({lag.bytes:,} bytes) wait here,"
        f" the oldest for {lag.oldest_age_s:.0f} s"
    )
    if lag.oldest_age_s > LONGEST_LAG_S:
        raise FoundFaultError(
            f"{found}; {lag.stream_length:,} chunks are in the streams. Run `hop worker` if there"
            " are many, and `hop serve` on this host, which ships them, if there are none"
        )
    return (
        f"{found}; {lag.stream_length:,} chunks in the streams, {lag.dead_letters:,} dead letters"
    )
