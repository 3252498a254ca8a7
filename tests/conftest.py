"""Real servers for every test that needs them: one Postgres and one Redis a session."""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from db.connect import embedded
from db.connect.pool import Pool, open_pool
from db.migrate import migrate

_numbers = itertools.count()
_temp_root = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep pytest's temporary directories in one of this session's own, which goes with it.

    In the shared one, a second session would take from Postgres, which does not run as root, the
    right to pass through. The name is short: sockets have room for 107 characters.
    """
    # A shell that runs the suite in the background makes all programs below it ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[_temp_root] = Path(tempfile.mkdtemp(prefix="hop-"))
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(config.stash[_temp_root])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its folder: `pytest -m unit` runs tests/unit."""
    for item in items:
        item.add_marker(item.path.relative_to(config.rootpath / "tests").parts[0])


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_temp_root])


@dataclass(frozen=True)
class Servers:
    """Where the session's servers are."""

    postgres: embedded.Server
    redis: embedded.Server


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """An embedded Postgres with a migrated template database, and an embedded Redis."""
    directory = Path(tempfile.mkdtemp(prefix="hop-test-"))
    found = Servers(
        embedded.prepare_postgres(directory / "postgres"),
        embedded.prepare_redis(directory / "redis"),
    )
    running = []
    try:
        for server in (found.postgres, found.redis):
            running.append((server, server.start()))
            embedded.wait_until_ready(*running[-1], timeout_s=30)
        _execute(found.postgres, "CREATE DATABASE hop_template")
        migrate(_database(found.postgres, "hop_template"))
        yield found
    finally:
        for server, process in running:
            process.send_signal(server.stop_signal)
            process.wait(timeout=30)
        shutil.rmtree(directory)


@pytest.fixture
def empty_database_url(servers: Servers) -> Iterator[str]:
    """A new database without any table."""
    yield from _new_database(servers, template="template1")


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    """A new database with hop's schema."""
    yield from _new_database(servers, template="hop_template")


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """A pool on a new database with hop's schema."""
    with open_pool(database_url, name="hop-test") as opened:
        yield opened


@pytest.fixture
def redis_url(servers: Servers) -> Iterator[str]:
    """A Redis database that is empty before and after."""
    url = f"{servers.redis.url}?db={next(_numbers) % 16}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator["redis.Redis"]:
    """A client of the test's Redis database."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


def _new_database(servers: Servers, template: str) -> Iterator[str]:
    name = f"hop_{next(_numbers)}"
    _execute(servers.postgres, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _database(servers.postgres, name)
    _execute(servers.postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _database(server: embedded.Server, name: str) -> str:
    return server.url.replace("/postgres?", f"/{name}?")


def _execute(server: embedded.Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement.encode())
