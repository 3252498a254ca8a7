"""Runs an experiment of the lab for a person at a terminal, or for a program."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from db.connect.embedded import EmbeddedServerError
from lab.experiments import Options, Result
from lab.report.progress import Progress
from lab.report.report_files import as_json
from lab.strategies.makers.processes import MakerError


def run_experiment(
    experiment: Callable[..., Result], options: Options, report: Path | None, *, json_: bool
) -> None:
    """Run it, draw a bar meanwhile, print what it found, and say where the report is.

    Raises:
        click.ClickException: it could not be run, or what must never happen did.
    """
    name = experiment.__name__
    try:
        # Drawn only for people: a bar in a log file is noise.
        with click.progressbar(
            length=1,
            label=name,
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
            item_show_func=lambda doing: doing,
        ) as bar:

            def show(progress: Progress) -> None:
                bar.length = progress.of
                bar.update(progress.step - bar.pos, progress.doing)

            result = experiment(options, report, show)
            bar.update((bar.length or 1) - bar.pos, "")
    except (EmbeddedServerError, MakerError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(as_json(result.numbers) if json_ else result.text, nl=not json_)
    if report is not None:
        click.echo(f"report: {report / name}.html", err=True)
    if result.fault:
        raise click.ClickException(result.fault)
