"""hop keygen crash."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.options import json_option, report_option, seed_option
from lab import experiments
from lab.experiments import CrashOptions
from lab.strategies.crashes.crash import KILLS, RANGE_SIZES


@click.command()
@click.option(
    "--range-size",
    "range_sizes",
    type=click.IntRange(10, 1_000_000),
    default=RANGE_SIZES,
    multiple=True,
    help="Ids per range; repeatable.",
)
@click.option(
    "--kills", type=click.IntRange(1, 100), default=KILLS, help="Processes to kill per size."
)
@seed_option
@report_option
@json_option
def crash(
    *,
    range_sizes: Sequence[int],
    kills: int,
    seed: int | None,
    report: Path | None,
    json_: bool,
) -> None:
    """Kill processes that make codes; count the ids wasted.

    Each process uses the strategy permuted on a temporary Postgres and gets SIGKILL at a random
    moment. It wastes the ids that the database granted and that became no code: the rest of its
    range, and its standby range if it has one. 0.7 ranges per crash are expected.
    """
    options = CrashOptions(kills=kills, range_sizes=tuple(range_sizes), seed=seed)
    run_experiment(experiments.crash, options, report, json_=json_)
