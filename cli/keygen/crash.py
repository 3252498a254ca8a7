"""hop keygen crash."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.report_option import report_option
from lab import experiments
from lab.experiments import CrashOptions
from lab.strategies.crashes.crash import KILLS, RANGE_SIZES


@click.command()
@click.option(
    "--range-size",
    "range_sizes",
    type=click.IntRange(10, 1_000_000),
    default=RANGE_SIZES,
    show_default=True,
    multiple=True,
    help="Ids per range; may be given again.",
)
@click.option(
    "--kills",
    type=click.IntRange(1, 100),
    default=KILLS,
    show_default=True,
    help="Processes to kill for each size.",
)
@click.option("--seed", type=int, help="Of the moments; drawn and shown when left out.")
@report_option
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def crash(
    *,
    range_sizes: Sequence[int],
    kills: int,
    seed: int | None,
    report: Path | None,
    json_: bool,
) -> None:
    """Kill processes that make codes; show how many ids that wastes, by the size of ranges.

    Each process has strategy permuted, on a Postgres of its own, and is killed with SIGKILL at a
    random moment. Wasted are the ids that the database granted it less the codes that it made: the
    rest of its range, and the standby range, if it had one. Expected are 0.7 ranges per crash.
    """
    options = CrashOptions(kills=kills, range_sizes=tuple(range_sizes), seed=seed)
    run_experiment(experiments.crash, options, report, json_=json_)
