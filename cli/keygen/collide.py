"""hop keygen collide."""

from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.report_option import report_option
from lab import experiments
from lab.collisions.birthday import BUDGET
from lab.experiments import CollideOptions


@click.command()
@click.option("--seed", type=int, help="Repeat an earlier run; drawn and shown when left out.")
@click.option(
    "--codes",
    type=click.IntRange(1_000, 1_000_000_000),
    default=BUDGET,
    show_default=True,
    help="Codes to make for each kind and length: more codes, smaller errors.",
)
@report_option
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def collide(*, seed: int | None, codes: int, report: Path | None, json_: bool) -> None:
    """Make random and hash codes until they collide; compare with the birthday bound.

    Codes of 3 to 7 characters, some hundred trials of the short ones and about ten of the long
    ones; it ends in a minute. For each number of codes the table shows the share of trials with
    any collision, and the mean number of codes that met an earlier one, beside what the formulas
    say, with the standard error of a mean over so many trials. "agrees" means that both lie
    within two standard errors.
    """
    options = CollideOptions(codes=codes, seed=seed)
    run_experiment(experiments.collide, options, report, json_=json_)
