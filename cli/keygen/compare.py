"""hop keygen compare."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.report_option import report_option
from keygen.strategies import StrategyName
from lab import experiments
from lab.experiments import CompareOptions
from lab.strategies.comparison.compare import STRATEGIES, ComparisonSettings

DEFAULTS = ComparisonSettings()


def _split(_context: click.Context, _option: click.Parameter, text: str) -> Sequence[str]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: expected some of {', '.join(STRATEGIES)}")
    return names


@click.command()
@click.option(
    "--strategies",
    default=",".join(STRATEGIES),
    callback=_split,
    metavar="NAME,…",
    help=f"Compare these alone; all when left out: {', '.join(STRATEGIES)}.",
)
@click.option(
    "--codes",
    type=click.IntRange(100, 10_000_000),
    default=DEFAULTS.codes,
    show_default=True,
    help="Codes alone, and links after that, for each strategy; fewer if time is up before.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 32),
    default=DEFAULTS.processes,
    show_default=True,
    help="How many work at the same time.",
)
@click.option(
    "--length",
    type=click.IntRange(3, 10),
    default=DEFAULTS.length,
    show_default=True,
    help="Characters of the shortest codes; with 4, codes collide and can be guessed by chance.",
)
@report_option
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def compare(
    *,
    strategies: Sequence[StrategyName],
    codes: int,
    processes: int,
    length: int,
    report: Path | None,
    json_: bool,
) -> None:
    """Measure the strategies side by side, in real processes on a Postgres of its own.

    For each strategy, processes make codes alone (3 seconds at most), then links as the service
    does (5 seconds at most); an attacker who has seen 100 codes guesses others; and some processes
    are killed, to see how many ids are wasted. It ends within three minutes on two cores.

    Ends with status 1 if a duplicate got through.
    """
    options = CompareOptions(tuple(strategies), codes, processes, length)
    run_experiment(experiments.compare, options, report, json_=json_)
