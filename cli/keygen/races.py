"""hop keygen races."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.report_option import report_option
from lab import experiments
from lab.experiments import RacesOptions
from lab.races.catalogue import RACES


@click.command()
@click.option(
    "--only",
    type=click.Choice(list(RACES)),
    multiple=True,
    metavar="NAME",
    help=f"Run this race alone; may be given again. One of: {', '.join(RACES)}.",
)
@click.option(
    "--clients",
    type=click.IntRange(2, 16),
    default=6,
    show_default=True,
    help="How many make links at the same time.",
)
@click.option(
    "--rounds",
    type=click.IntRange(2, 200),
    default=20,
    show_default=True,
    help="How often all of them do.",
)
@report_option
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def races(
    *, only: Sequence[str], clients: int, rounds: int, report: Path | None, json_: bool
) -> None:
    """Reproduce known faults of link shorteners, each next to its remedy.

    Starts a Postgres and a Redis of its own, runs each race without and with the remedy, from
    several connections at once, and counts the damaged links: promised to somebody, and then
    unreachable because another link has the same code, or not made because of an error. A barrier
    in the faulty side's gap between reading and writing makes the clients meet there, so the
    damage does not depend on luck. The SQL of each race stands in lab/races/.

    Ends with status 1 if a remedy does not hold.
    """
    options = RacesOptions(clients=clients, rounds=rounds, only=tuple(only))
    run_experiment(experiments.races, options, report, json_=json_)
