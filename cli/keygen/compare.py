"""hop keygen compare."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.options import json_option, report_option
from keygen.strategies import StrategyName
from lab import experiments
from lab.experiments import CompareOptions
from lab.strategies.comparison.compare import STRATEGIES, ComparisonSettings

_DEFAULTS = ComparisonSettings()


def _split(_context: click.Context, _option: click.Parameter, text: str) -> Sequence[StrategyName]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: expected some of {', '.join(STRATEGIES)}")
    return [name for name in STRATEGIES if name in names]


@click.command()
@click.option(
    "--strategies",
    default=",".join(STRATEGIES),
    show_default=False,
    callback=_split,
    metavar="NAME,…",
    help=f"Compare only these; the default is all: {', '.join(STRATEGIES)}.",
)
@click.option(
    "--codes",
    type=click.IntRange(100, 10_000_000),
    default=_DEFAULTS.codes,
    help="Codes, then links, per strategy; fewer if the time is up.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 32),
    default=_DEFAULTS.processes,
    help="Processes that work at the same time.",
)
@click.option(
    "--length",
    type=click.IntRange(3, 10),
    default=_DEFAULTS.length,
    help="Characters of the shortest codes; with 4, codes collide and lucky guesses occur.",
)
@report_option
@json_option
def compare(
    *,
    strategies: Sequence[StrategyName],
    codes: int,
    processes: int,
    length: int,
    report: Path | None,
    json_: bool,
) -> None:
    """Compare the strategies: rate, collisions, guessability.

    Uses several processes and a temporary Postgres. For each strategy, the processes make codes for
    up to 3 seconds, then create links for up to 5 seconds; an attacker who has seen 100 codes
    guesses others; and some processes are killed, to count the ids wasted. Takes up to three
    minutes on two cores.

    Exits with status 1 if two links got the same code.
    """
    options = CompareOptions(tuple(strategies), codes, processes, length)
    run_experiment(experiments.compare, options, report, json_=json_)
