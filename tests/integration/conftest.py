"""A real Postgres for the tests: one server a session, one migrated database a test."""

import dataclasses
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from db.embedded import prepare_postgres, wait_until_ready
from db.migrate import migrate
from db.pool import Pool, open_pool

TEMPLATE = "hop_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of the server's own database, for commands about databases."""
    with tempfile.TemporaryDirectory(prefix="hop-test-") as directory:
        server = prepare_postgres(Path(directory) / "postgres")
        server = dataclasses.replace(server, argv=(*server.argv, "-c", "fsync=off"))
        process = server.start()
        try:
            wait_until_ready(server, process, timeout_s=30)
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {TEMPLATE}")
            migrate(server.url.replace("/postgres?", f"/{TEMPLATE}?"))
            yield server.url
        finally:
            process.send_signal(server.stop_signal)
            process.wait(timeout=30)


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database with the whole schema."""
    name = f"hop_test_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield postgres_url.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """A pool on a fresh database."""
    with open_pool(database_url, name="hop-test") as opened:
        yield opened
