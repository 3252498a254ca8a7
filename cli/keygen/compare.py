"""hop keygen compare."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from cli.options import json_option, report_option
from db.connect.embedded import EmbeddedServerError
from keygen.strategies import StrategyName
from lab.report.progress import OnProgress, Progress, kept_in_file
from lab.report.report_files import as_json, write_report
from lab.report.run_facts import RunFacts, read_postgres_version
from lab.servers import lab_servers
from lab.strategies.comparison.compare import (
    STEPS,
    STRATEGIES,
    ComparisonSettings,
    compare_strategies,
)
from lab.strategies.comparison.report import as_text, render_report
from lab.strategies.comparison.result import StrategyResult
from lab.strategies.makers.processes import MakerError

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
    minutes on two cores. With --report, DIR/progress.json shows the progress.

    Exits with status 1 if two links got the same code.
    """
    plan = ComparisonSettings(strategies, codes, processes, length)
    try:
        with kept_in_file(report) as keep:
            found, facts = _measure(plan, keep)
            if report is not None:
                page = render_report(found, facts)
                files = write_report(report, "compare", page, found, facts)
                click.echo(f"report: {files[0]}", err=True)
            if json_:
                click.echo(as_json({"facts": facts, "rows": found}), nl=False)
            else:
                click.echo(as_text(found, facts))
            duplicates = [each.strategy for each in found if each.duplicates]
            if duplicates:
                raise click.ClickException(f"duplicates got through: {', '.join(duplicates)}")
    except (EmbeddedServerError, MakerError) as error:
        raise click.ClickException(str(error)) from error


def _measure(plan: ComparisonSettings, keep: OnProgress) -> tuple[list[StrategyResult], RunFacts]:
    started_s = time.monotonic()
    with _shown_progress(plan, keep) as on_progress, lab_servers(with_redis=False) as servers:
        found = compare_strategies(servers, plan, on_progress)
        facts = RunFacts(
            postgres=read_postgres_version(servers.database_url),
            processes=plan.processes,
            codes=plan.codes,
            duration_s=round(time.monotonic() - started_s, 1),
        )
    return found, facts


@contextmanager
def _shown_progress(plan: ComparisonSettings, keep: OnProgress) -> Iterator[OnProgress]:
    """Draw a bar for people, beside what `keep` does."""
    bar = click.progressbar(
        length=len(plan.strategies) * len(STEPS),
        label="comparing",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        item_show_func=lambda item: item,
    )
    with bar:

        def tell(progress: Progress) -> None:
            keep(progress)
            bar.update(progress.step - bar.pos, f"{progress.strategy}: {progress.doing}")

        yield tell
        bar.update(len(plan.strategies) * len(STEPS) - bar.pos, "")
