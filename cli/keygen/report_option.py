"""The option --report of the lab's commands."""

from pathlib import Path

import click


def _make_directory(
    _context: click.Context, _option: click.Parameter, directory: Path | None
) -> Path | None:
    """Make it now: after a minute of measuring is too late to find out that it cannot be."""
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.BadParameter(str(error)) from error
    return directory


report_option = click.option(
    "--report",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="DIR",
    callback=_make_directory,
    help="Also write one page with charts there, and the numbers as CSV and JSON.",
)
