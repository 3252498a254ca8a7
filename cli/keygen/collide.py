"""hop keygen collide."""

import secrets
import sys
from pathlib import Path

import click

from cli.keygen.report_option import report_option
from lab.collisions import birthday
from lab.collisions.birthday_report import as_table, render_report, verdict
from lab.report.files import as_json, write_report


@click.command()
@click.option("--seed", type=int, help="Repeat an earlier run; drawn and shown when left out.")
@click.option(
    "--codes",
    type=click.IntRange(1_000, 1_000_000_000),
    default=birthday.BUDGET,
    show_default=True,
    help="Codes to make for each kind and length: more codes, smaller errors.",
)
@report_option
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def collide(seed: int | None, codes: int, report: Path | None, json_: bool) -> None:  # noqa: FBT001
    """Make random and hash codes until they collide; compare with the birthday bound.

    Codes of 3 to 7 characters, some hundred trials of the short ones and about ten of the long
    ones; it ends in a minute. For each number of codes the table shows the share of trials with
    any collision, and the mean number of codes that met an earlier one, beside what the formulas
    say, with the standard error of a mean over so many trials. "agrees" means that both lie
    within two standard errors.
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
