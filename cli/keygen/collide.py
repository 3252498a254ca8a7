"""hop keygen collide."""

import secrets
import sys
from pathlib import Path

import click

from cli.options import json_option, report_option, seed_option
from lab.collisions import birthday
from lab.collisions.report import as_table, render_report, verdict
from lab.report.report_files import as_json, write_report


@click.command()
@seed_option
@click.option(
    "--codes",
    type=click.IntRange(1_000, 1_000_000_000),
    default=birthday.BUDGET,
    help="Codes per kind and length; more codes give smaller errors.",
)
@report_option
@json_option
def collide(*, seed: int | None, codes: int, report: Path | None, json_: bool) -> None:
    """Make codes until they collide; check the birthday bound.

    Makes random and hash codes of 3 to 7 characters, in a few hundred trials of the shortest and
    about ten of the longest, within a minute. For each number of codes, the table shows the share
    of trials with a collision and the mean number of collisions, beside the values of the formulas
    and the standard error. "agrees" means that both are within two standard errors.
    """
    used_seed = secrets.randbelow(2**31) if seed is None else seed
    # Drawn only for people: a bar in a log file is noise.
    with click.progressbar(
        length=birthday.codes_to_make(codes),
        label="making codes",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        found = birthday.measure(seed=used_seed, budget=codes, on_progress=bar.update)
    if json_:
        click.echo(as_json({"seed": used_seed, "measurements": found}), nl=False)
    else:
        click.echo(as_table(found).as_text())
        click.echo(f"\n{verdict(found)}\nseed {used_seed}")
    if report is not None:
        files = write_report(report, "collide", render_report(found, used_seed), found)
        click.echo(f"report: {files[0]}", err=True)
