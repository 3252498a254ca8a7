"""hop keygen crash."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.keygen.report_option import report_option
from db.connect.embedded import EmbeddedServerError
from lab.makers.processes import MakerError
from lab.report.files import as_json, write_report
from lab.servers import lab_servers
from lab.strategies.crash import KILLS, RANGE_SIZES, measure_crashes
from lab.strategies.crash_report import as_table, render_report


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
    used_seed = secrets.randbelow(2**31) if seed is None else seed
    bar = click.progressbar(
        length=len(range_sizes) * kills,
        label="killing processes",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    )
    try:
        with lab_servers(with_redis=False) as servers, bar:
            found = measure_crashes(
                servers,
                range_sizes=range_sizes,
                kills=kills,
                seed=used_seed,
                on_progress=bar.update,
            )
    except (EmbeddedServerError, MakerError) as error:
        raise click.ClickException(str(error)) from error
    if json_:
        click.echo(as_json({"seed": used_seed, "sizes": found}), nl=False)
    else:
        click.echo(f"{as_table(found).as_text()}\n\nseed {used_seed}")
    if report is not None:
        files = write_report(report, "crash", render_report(found, used_seed), found)
        click.echo(f"report: {files[0]}", err=True)
