"""hop keygen crash."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.options import json_option, report_option, seed_option
from db.connect.embedded import EmbeddedServerError
from lab.report.report_files import as_json, write_report
from lab.servers import lab_servers
from lab.strategies.crashes.crash import KILLS, RANGE_SIZES, measure_crashes
from lab.strategies.crashes.report import as_table, render_report
from lab.strategies.makers.processes import MakerError


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
