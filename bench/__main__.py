"""hop bench, and `python -m bench`: measure hop on this machine, section by section."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from app.observe.logs import configure_logs
from bench.benchmark import Findings, Plan
from bench.facts import describe_bench_facts, read_bench_facts
from bench.http.wrk import WrkError
from bench.machine import pin, split_cores
from bench.report import as_markdown, write_files
from bench.servers.web_server import ServingError
from db.connect.embedded import EmbeddedServerError

# section -> what measures it. Loaded one by one: not every section's packages are everywhere.
SECTIONS: Final = {
    "codes": "bench.parts.codes:measure_codes",
    "parts": "bench.parts.request_steps:measure_parts",
    "clicks": "bench.parts.clicks:measure_clicks",
    "delay": "bench.parts.delay:measure_delay",
    "bulk": "bench.parts.bulk:measure_bulk",
    "http": "bench.http.throughput:measure_http",
    "growth": "bench.growth.look_ups:measure_growth",
    "memory": "bench.parts.memory:measure_memory",
}


def _split(_context: click.Context, _option: click.Parameter, text: str) -> Sequence[str]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: expected some of {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in names]


@click.command()
@click.option(
    "--only",
    default=",".join(SECTIONS),
    callback=_split,
    metavar="NAME,…",
    help=f"Measure these sections alone: {', '.join(SECTIONS)}.",
)
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    default=2,
    show_default=True,
    help="Of load, at each point of each round.",
)
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--full", is_flag=True, help="Also 10 million links, and a million requests.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".hop/bench"),
    show_default=True,
    metavar="DIR",
    help="Write bench.json and the charts there.",
)
@click.option("--markdown", is_flag=True, help="Print tables as Markdown.")
def bench(
    *, only: Sequence[str], seconds: int, rounds: int, full: bool, report: Path, markdown: bool
) -> None:
    """Measure hop on this machine, on servers of its own: prints figures, asserts nothing.

    \b
      codes    how a code is made, in memory
      parts    what a redirect and a shorten are made of
      clicks   journal write, roll-up, and a worker from stream to Postgres
      delay    from an answered redirect to its visible count, under load
      bulk     links made a thousand at a time
      http     requests/s beside nginx, an empty app and Flask alone (needs wrk)
      growth   look-ups with more and more links in the table
      memory   of a web process with 100,000 hot links (needs wrk)

    Seven minutes in all on two cores; with --full about half an hour. Nothing else should run
    meanwhile. The server that is measured gets a core of its own, everything else the others.
    """  # noqa: D301 - click reads \b
    plan = Plan(split_cores(), seconds, rounds, full)
    pin(0, plan.cores.others)  # this process and all it starts, but for the servers it measures
    configure_logs("console", "warning")
    facts = read_bench_facts(plan)
    found: dict[str, Findings] = {}
    try:
        for name in only:
            click.echo(f"## {name}" if markdown else f"{name}:")
            findings = _load(SECTIONS[name])(plan)
            if findings is not None:
                found[name] = findings
                _show(findings, markdown=markdown)
    except (EmbeddedServerError, ServingError, WrkError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(describe_bench_facts(facts))
    for file in write_files(report, facts, found):
        click.echo(f"written: {file}", err=True)


def _load(place: str) -> Callable[[Plan], Findings | None]:
    module, _, name = place.partition(":")
    try:
        measure: Callable[[Plan], Findings | None] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{module} needs the package {error.name}") from error
    return measure


def _show(findings: Findings, *, markdown: bool) -> None:
    table = as_markdown(findings.table) if markdown else findings.table.as_text()
    separator = "\n- " if markdown else "\n"
    click.echo(f"\n{findings.title}\n\n{table}\n{separator}{separator.join(findings.notes)}\n")


if __name__ == "__main__":
    bench()
