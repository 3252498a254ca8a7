"""Migrations: each file once, whoever runs them, or not at all."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from db.errors import DatabaseUnavailableError
from db.migrate import Migration, MigrationError, find_missing, migrate, read_migrations

FIRST = Migration(1, "first", "CREATE TABLE first (id integer)")


def test_migrate_applies_each_file_once_when_eight_run_at_the_same_time(empty_database_url: str):
    with ThreadPoolExecutor(8) as threads:
        applied = list(threads.map(lambda _: migrate(empty_database_url), range(8)))
    assert [one for some in applied for one in some] == read_migrations()
    assert find_missing(empty_database_url) == []


def test_find_missing_names_all_when_the_database_is_new(empty_database_url: str):
    assert find_missing(empty_database_url) == read_migrations()


def test_migrate_refuses_when_an_applied_file_was_changed(empty_database_url: str):
    migrate(empty_database_url, [FIRST])
    with pytest.raises(MigrationError, match="was changed after"):
        migrate(empty_database_url, [Migration(1, "first", "CREATE TABLE other (id integer)")])


def test_migrate_refuses_when_the_database_is_newer(empty_database_url: str):
    migrate(empty_database_url, [FIRST, Migration(2, "second", "SELECT 1")])
    with pytest.raises(MigrationError, match="does not know"):
        migrate(empty_database_url, [FIRST])


def test_migrate_leaves_nothing_of_a_file_when_it_fails(empty_database_url: str):
    broken = Migration(2, "broken", "CREATE TABLE half (id integer); SELECT nonsense")
    with pytest.raises(MigrationError, match="broken"):
        migrate(empty_database_url, [FIRST, broken])
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)
    assert migrate(empty_database_url, [FIRST, Migration(2, "mended", "SELECT 1")])


def test_migrate_says_so_when_postgres_is_away(tmp_path):
    with pytest.raises(DatabaseUnavailableError):
        migrate(f"postgresql://hop@/postgres?host={tmp_path}")
