"""Schema changes: numbered SQL files, forward only, each in one transaction, one runner at a time.

Why not a library: docs/adr/0005-migrations-of-our-own.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import psycopg

from db.errors import DatabaseUnavailableError

# Any constant will do, as long as every runner uses the same.
_ADVISORY_LOCK = 0x686F70  # "hop"


class MigrationError(Exception):
    """The database and the files disagree, or a file failed and was rolled back."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file: `0001_links.sql` has version 1 and name `links`."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex: an applied file must not change."""
        return sha256(self.sql.encode()).hexdigest()


def read_migrations() -> list[Migration]:
    """The files of `db/migrations` in order."""
    found = []
    for file in files("db").joinpath("migrations").iterdir():
        version, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            found.append(Migration(int(version), name, file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def find_missing(database_url: str) -> list[Migration]:
    """The migrations that `migrate` would apply.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
            applied = _read_digests(connection)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(str(error)) from error
    return [migration for migration in read_migrations() if migration.version not in applied]


def migrate(database_url: str, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Bring the schema up to date; returns what was applied. Safe to run on many hosts at once.

    Raises:
        DatabaseUnavailableError: Postgres cannot be reached.
        MigrationError: an applied file has changed, the database is newer than this hop, or a
            file failed.
    """
    wanted = read_migrations() if migrations is None else migrations
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
            return _apply(connection, wanted)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(str(error)) from error


def _apply(connection: psycopg.Connection, wanted: Sequence[Migration]) -> list[Migration]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        " version integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    digests = _read_digests(connection)
    unknown = sorted(set(digests) - {migration.version for migration in wanted})
    if unknown:
        raise MigrationError(f"the database has migrations that this hop does not know: {unknown}")
    applied = []
    for migration in wanted:
        if migration.version not in digests:
            _apply_one(connection, migration)
            applied.append(migration)
        elif digests[migration.version] != migration.digest:
            raise MigrationError(
                f"migration {migration.version} ({migration.name}) was changed after it had been"
                " applied; write a new one instead"
            )
    return applied


def _read_digests(connection: psycopg.Connection) -> dict[int, str]:
    found = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").fetchone()
    if found is None or not found[0]:
        return {}
    return dict(connection.execute("SELECT version, digest FROM schema_migrations").fetchall())


def _apply_one(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.sql.encode())
            connection.execute(
                "INSERT INTO schema_migrations (version, name, digest) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.digest),
            )
    except psycopg.ProgrammingError as error:
        raise MigrationError(
            f"migration {migration.version} ({migration.name}): {error}"
        ) from error
