"""hop migrate."""

import click

from cli.server.settings import read_admin_key, read_settings
from db import migrate as migrations
from db.api_keys import set_key
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date.

    Applies what is missing of db/migrations, forward only; safe to run from several hosts at the
    same time, and again. When HOP_ADMIN_KEY is set, its hash is stored as the admin key.
    """
    settings, admin_key = read_settings(), read_admin_key()
    try:
        applied = migrations.migrate(settings.database_url)
        if admin_key is not None:
            store_admin_key(settings.database_url, admin_key)
    except (DatabaseUnavailableError, migrations.MigrationError) as error:
        raise click.ClickException(str(error)) from error
    for migration in applied:
        click.echo(f"applied {migration.version:04} {migration.name}")
    click.echo("the schema is up to date")


def store_admin_key(database_url: str, key: str) -> None:
    """Make `key` the one admin key.

    Raises:
        DatabaseUnavailableError: Postgres is away.
    """
    with open_pool(database_url, name="hop-migrate") as pool:
        set_key(pool, "admin", key)
