"""hop keygen races."""

from collections.abc import Sequence

import click

from cli.options import json_option
from db.connect.embedded import EmbeddedServerError
from lab.races.catalogue import RACES
from lab.races.race import RaceResult
from lab.races.run_race import run_race
from lab.report.report_files import as_json
from lab.report.tables import Table
from lab.servers import lab_servers


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
    "--rounds", type=click.IntRange(2, 200), default=20, help="How often each client does so."
)
@json_option
def races(*, only: Sequence[str], clients: int, rounds: int, json_: bool) -> None:
    """Reproduce race conditions of link shorteners, and remedies.

    Runs each race without and with its remedy, from several connections on a temporary Postgres and
    Redis. Counts damaged links: acknowledged but lost, because another link has the same code, or
    not created because of an error. A barrier between reading and writing makes the clients of the
    faulty side meet there, so that the damage does not depend on luck. The SQL of the races is in
    lab/races/.

    Exits with status 1 if a remedy fails.
    """
    chosen = [race for name, race in RACES.items() if not only or name in only]
    try:
        with lab_servers() as servers:
            results = [run_race(race, servers, clients=clients, rounds=rounds) for race in chosen]
    except EmbeddedServerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(as_json(results) if json_ else _as_text(results), nl=not json_)
    broken = [result.name for result in results if result.with_remedy.damaged]
    if broken:
        raise click.ClickException(f"links were damaged despite the remedy: {', '.join(broken)}")


def _as_text(results: Sequence[RaceResult]) -> str:
    table = Table(
        ["fault", "links", "damaged without", "with", "retries", "the remedy"],
        [
            (
                *(each.name, each.without.attempts, each.without.damaged),
                *(each.with_remedy.damaged, each.with_remedy.retries, each.remedy),
            )
            for each in results
        ],
    )
    told = [
        f"{each.name}: {each.goes_wrong}" + (f" ({each.seen_in})" if each.seen_in else "")
        for each in results
    ]
    return "\n".join([table.as_text(), "", *told])
