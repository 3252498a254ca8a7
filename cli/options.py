"""Options that several commands have."""

from pathlib import Path

import click


def _make_directory(
    _context: click.Context, _option: click.Parameter, directory: Path | None
) -> Path | None:
    """Create the directory before the experiment runs, so that an error costs no time."""
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.BadParameter(str(error)) from error
    return directory


json_option = click.option("--json", "json_", is_flag=True, help="Print JSON.")
seed_option = click.option(
    "--seed", type=int, help="Repeat the run with this seed; random by default."
)
report_option = click.option(
    "--report",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="DIR",
    callback=_make_directory,
    help="Also write a page with charts, a CSV and a JSON file into DIR.",
)
