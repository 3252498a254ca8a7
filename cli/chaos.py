"""hop chaos."""

import logging
import secrets
import sys
import time
from collections.abc import Iterator, Sequence

import click
import urllib3

from cli.options import json_option, seed_option
from db.connect.embedded import EmbeddedServerError
from lab.drills.catalogue import DRILLS
from lab.drills.drill import Drill
from lab.drills.hop.running_hop import running_hop
from lab.drills.hop.waiting import HopError
from lab.drills.reconciliation import Reconciliation
from lab.drills.run_drill import DrillSettings, run_drill
from lab.report.report_files import as_json
from lab.servers import lab_servers

HOP = (sys.executable, "-m", "cli.main")
# Heading -> width of the column.
COLUMNS = {
    "answered": 8,
    "counted": 8,
    "lost": 6,
    "dropped": 7,
    "doubled": 7,
    "cut off": 7,
    "refused": 7,
    "errors": 6,
    "outage": 8,
}
NAME_WIDTH = max(map(len, DRILLS))


@click.command()
@click.option(
    "--drill",
    "names",
    type=click.Choice([*DRILLS, "all"]),
    multiple=True,
    default=("all",),
    metavar="NAME",
    help="Run only this drill; repeatable. --list shows all.",
)
@click.option("--rate", type=click.IntRange(10, 5_000), default=300, help="Redirects per second.")
@click.option(
    "--duration",
    type=click.FloatRange(0.5, 3_600),
    metavar="S",
    help="Seconds that a fault lasts, where that can be set; --list shows the defaults.",
)
@seed_option
@click.option("--list", "list_", is_flag=True, help="List the drills and exit.")
@click.option("--keep", is_flag=True, help="Keep the directory with the logs, and print its path.")
@json_option
def chaos(
    *,
    names: Sequence[str],
    rate: int,
    duration: float | None,
    seed: int | None,
    list_: bool,
    keep: bool,
    json_: bool,
) -> None:
    """Break hop under traffic; prove that every click counts once.

    Starts a Postgres, a Redis and a `hop demo` in a temporary directory. Clients follow short links
    and record each answer while the drill injects faults. When all clicks are counted, the drill
    compares the clients' numbers with hop's. An answer that was cut off may or may not be counted;
    there are at most as many as open connections to the killed process. Other clients create links,
    each of which must redirect to its own target afterwards.

    All drills take about eight minutes. Exits with status 1 if one fails.
    """
    if list_:
        click.echo("\n".join(_describe(drill) for drill in DRILLS.values()))
        return
    chosen = [drill for name, drill in DRILLS.items() if name in names or "all" in names]
    dials = DrillSettings(
        rate=rate,
        duration_s=duration,
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns about every lost connection
    found = []
    if not json_:
        click.echo(_heading())
    try:
        for result in _run(chosen, dials, keep=keep):
            found.append(result)
            if not json_:
                click.echo(_line(result))
    except (EmbeddedServerError, HopError, urllib3.exceptions.HTTPError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        as_json({"dials": dials, "drills": found}) if json_ else _summary(found, dials.seed),
        nl=not json_,
    )
    if not all(result.passed for result in found):
        sys.exit(1)


def _run(drills: Sequence[Drill], dials: DrillSettings, *, keep: bool) -> Iterator[Reconciliation]:
    """Run each drill on a fresh hop, so that drills do not affect each other."""
    with lab_servers(keep=keep) as servers:
        if keep:
            click.echo(f"data and logs: {servers.directory}", err=True)
        for drill in drills:
            started = time.monotonic()

            def tell(doing: str, name: str = drill.name, started: float = started) -> None:
                click.echo(f"{time.monotonic() - started:6.1f} s  {name}: {doing}", err=True)

            tell("starting hop")
            with running_hop(servers, HOP, drill.name, dict(drill.settings)) as hop:
                yield run_drill(hop, drill, dials, tell)


def _describe(drill: Drill) -> str:
    lasts = f"  ({drill.duration_s:g} s)" if drill.duration_s else ""
    return f"{drill.name:<{NAME_WIDTH}}  {drill.shows}{lasts}"


def _heading() -> str:
    cells = "  ".join(f"{name:>{width}}" for name, width in COLUMNS.items())
    return f"{'drill':<{NAME_WIDTH}}  {cells}  verdict"


def _line(result: Reconciliation) -> str:
    values = (
        *(result.answered, result.counted, result.lost, result.dropped, result.doubled),
        *(result.cut_off, result.refused, sum(result.errors.values())),
    )
    texts = [*(f"{value:,}" for value in values), f"{result.longest_outage_s:.2f} s"]
    cells = "  ".join(
        f"{text:>{width}}" for text, width in zip(texts, COLUMNS.values(), strict=True)
    )
    verdict = click.style("ok", fg="green") if result.passed else click.style("FAILED", fg="red")
    lines = [f"{result.drill:<{NAME_WIDTH}}  {cells}  {verdict}"]
    return "\n".join([*lines, *(f"  {fault}" for fault in result.faults)])


def _summary(found: Sequence[Reconciliation], seed: int) -> str:
    links = sum(result.links_made for result in found)
    broken = sum(result.links_broken + result.codes_given_twice for result in found)
    failed = [result.drill for result in found if not result.passed]
    lines = [
        "",
        f"links created meanwhile: {links:,}; broken or with a duplicate code: {broken}",
        f"seed {seed}",
        f"failed: {', '.join(failed)}" if failed else "every promise was kept",
    ]
    return "\n".join(lines)
