"""hop keygen races."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.options import json_option, report_option
from lab import experiments
from lab.experiments import RacesOptions
from lab.races.catalogue import RACES


@click.command()
@click.option(
    "--only",
    type=click.Choice(list(RACES)),
    multiple=True,
    metavar="NAME",
    help=f"Run only this race; repeatable. One of: {', '.join(RACES)}.",
)
@click.option(
    "--clients",
    type=click.IntRange(2, 16),
    default=6,
    help="Clients that create links at the same time.",
)
@click.option(
    "--rounds", type=click.IntRange(2, 200), default=20, help="Links that each client creates."
)
@report_option
@json_option
def races(
    *, only: Sequence[str], clients: int, rounds: int, report: Path | None, json_: bool
) -> None:
    """Reproduce race conditions of link shorteners, and remedies.

    Runs each race without and with its remedy, from several connections on a temporary Postgres and
    Redis. Counts damaged links: acknowledged but lost, because another link has the same code, or
    not created because of an error. A barrier between reading and writing makes the clients of the
    faulty side meet there, so that the damage does not depend on luck. The SQL of the races is in
    lab/races/.

    Exits with status 1 if a remedy fails.
    """
    options = RacesOptions(clients=clients, rounds=rounds, only=tuple(only))
    run_experiment(experiments.races, options, report, json_=json_)
