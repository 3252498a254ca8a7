"""Real servers for every test that needs them: a Postgres and a Redis for each pytest process.

Each process of pytest-xdist is a session of its own. HOP_TEST_POSTGRES (a directory of programs)
and HOP_TEST_REDIS (a program) replace those of the wheels.
"""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis

from db.connect import embedded
from db.connect.pool import Pool, open_pool
from db.migrate import migrate

# In memory: making and dropping a database is a thousand files, which a disk takes 0.2 s for.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3

_numbers = itertools.count()
_temp_root = pytest.StashKey[Path]()

# Tests run on busy machines: Hypothesis looks for faults, not for slow examples.
hypothesis.settings.register_profile("hop", deadline=None)
hypothesis.settings.load_profile("hop")


def pytest_configure(config: pytest.Config) -> None:
    """Keep all temporary files, of child processes too, in one directory that goes with the run.

    In the system's own, a second session of pytest would take from Postgres, which does not run as
    root, the right to pass through. The name is short: sockets have room for 107 characters.
    """
    # A shell that runs the suite in the background makes all programs below it ignore SIGINT. And
    # SIGTERM would end Python without stopping servers or removing files.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if hasattr(config, "workerinput"):  # of pytest-xdist, whose parent has done this
        return
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    root = Path(tempfile.mkdtemp(prefix="hop-", dir=MEMORY if has_room else None))
    config.stash[_temp_root] = root
    os.environ["TMPDIR"] = str(root)
    tempfile.tempdir = None  # look at TMPDIR again


def pytest_unconfigure(config: pytest.Config) -> None:
    if _temp_root in config.stash:
        shutil.rmtree(config.stash[_temp_root])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its folder: `pytest -m unit` runs tests/unit."""
    for item in items:
        item.add_marker(item.path.relative_to(config.rootpath / "tests").parts[0])


@dataclass(frozen=True)
class Servers:
    """Where the session's servers are."""

    postgres: embedded.Server
    redis: embedded.Server


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A Postgres with a migrated template database, and a Redis."""
    directory = Path(tempfile.mkdtemp(prefix="servers-"))
    postgres_programs = os.environ.get("HOP_TEST_POSTGRES")
    redis_program = os.environ.get("HOP_TEST_REDIS")
    found = Servers(
        embedded.prepare_postgres(
            directory / "postgres",
            programs=Path(postgres_programs) if postgres_programs else None,
        ),
        embedded.prepare_redis(
            directory / "redis", program=Path(redis_program) if redis_program else None
        ),
    )
    running = []
    try:
        for server in (found.postgres, found.redis):
            running.append((server, server.start()))
            embedded.wait_until_ready(*running[-1], timeout_s=30)
        with redis.Redis.from_url(found.redis.url) as client:
            client.config_set("hz", 500)  # a client that waits 1 ms is let go after 2, not 100
        _execute(found.postgres, "CREATE DATABASE hop_template")
        migrate(_database(found.postgres, "hop_template"))
        yield found
    finally:
        for server, process in running:
            process.send_signal(server.stop_signal)
            process.wait(timeout=30)


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
