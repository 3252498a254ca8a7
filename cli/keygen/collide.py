"""hop keygen collide."""

from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.options import json_option, report_option, seed_option
from lab import experiments
from lab.collisions import birthday
from lab.experiments import CollideOptions


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
    options = CollideOptions(codes=codes, seed=seed)
    run_experiment(experiments.collide, options, report, json_=json_)
