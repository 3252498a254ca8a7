"""What several commands need from the environment, with errors for people."""

import os
from collections.abc import Mapping

import click

from app.observe.logs import configure_logs
from app.settings import Settings, SettingsError, unknown_settings

MIN_ADMIN_KEY = 16


def read_settings() -> Settings:
    """The settings, with a warning for each variable that looks like one and is none.

    Raises:
        click.ClickException: listing everything that is wrong.
    """
    settings = parse_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    for line in unknown_settings(os.environ):
        click.echo(f"warning: {line}", err=True)
    return settings


def parse_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment.

    Raises:
        click.ClickException: listing everything that is wrong.
    """
    try:
        return Settings.from_env(environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def read_admin_key() -> str | None:
    """HOP_ADMIN_KEY, or None when it is not set.

    Raises:
        click.ClickException: it could be guessed.
    """
    key = os.environ.get("HOP_ADMIN_KEY")
    if key is not None and len(key) < MIN_ADMIN_KEY:
        raise click.ClickException(
            f"HOP_ADMIN_KEY has fewer than {MIN_ADMIN_KEY} characters. Make one with:"
            " python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
        )
    return key
