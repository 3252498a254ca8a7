"""Settings and admin key from the environment, with errors for the terminal."""

import os
from collections.abc import Mapping
from typing import Final

import click

from app.observe.logs import configure_logs
from app.settings import Settings, SettingsError, unknown_settings

MIN_ADMIN_KEY_CHARACTERS: Final = 16


def read_settings() -> Settings:
    """The settings of this process; configures logging and warns of unknown HOP_ variables.

    Raises:
        click.ClickException: lists every invalid setting.
    """
    settings = parse_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    for line in unknown_settings(os.environ):
        click.echo(f"warning: {line}", err=True)
    return settings


def parse_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in an environment.

    Raises:
        click.ClickException: lists every invalid setting.
    """
    try:
        return Settings.from_env(environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def read_admin_key() -> str | None:
    """HOP_ADMIN_KEY, or None if it is not set.

    Raises:
        click.ClickException: it is too short.
    """
    key = os.environ.get("HOP_ADMIN_KEY")
    if key is not None and len(key) < MIN_ADMIN_KEY_CHARACTERS:
        raise click.ClickException(
            f"HOP_ADMIN_KEY has fewer than {MIN_ADMIN_KEY_CHARACTERS} characters. Create one with:"
            " python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
        )
    return key
