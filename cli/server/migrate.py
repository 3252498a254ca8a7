"""hop migrate."""

import click

from cli.server.settings import read_admin_key, read_settings
from db import migrate as migrations
from db.api_keys import set_key
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError


@click.command()
def migrate() -> None:
    """Bring the database schema up to date.

    Applies the missing files of db/migrations. Safe to repeat, and to run on several hosts at once.
    When HOP_ADMIN_KEY is set, stores its hash as the admin key.
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
    """Replace the admin key.

    Raises:
        DatabaseUnavailableError: Postgres does not answer.
    """
    with open_pool(database_url, name="hop-migrate") as pool:
        set_key(pool, "admin", key)
