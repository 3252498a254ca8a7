"""hop bench, and `python -m bench`."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from app.observe.logs import configure_logs
from bench.benchmark import Options, Results
from bench.facts import describe_bench_facts, read_bench_facts
from bench.http.wrk import WrkError
from bench.machine import pin, split_cores
from bench.report import as_markdown, write_files
from bench.servers.web_server import ServerError
from db.connect.embedded import EmbeddedServerError

# Imported one by one: some need packages that are not installed everywhere.
BENCHMARKS: Final = {
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
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: expected some of {', '.join(BENCHMARKS)}")
    return [name for name in BENCHMARKS if name in names]


@click.command(context_settings={"show_default": True})
@click.option(
    "--only",
    default=",".join(BENCHMARKS),
    show_default=False,
    callback=_split,
    metavar="NAME,…",
    help=f"Run only these benchmarks: {', '.join(BENCHMARKS)}.",
)
@click.option(
    "--seconds", type=click.IntRange(1, 600), default=2, help="Seconds of load per measurement."
)
@click.option(
    "--rounds", type=click.IntRange(1, 100), default=3, help="How often to repeat all measurements."
)
@click.option("--full", is_flag=True, help="Add 10 million links and a million requests.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".hop/bench"),
    metavar="DIR",
    help="Directory for bench.json and the charts.",
)
@click.option("--markdown", is_flag=True, help="Print tables as Markdown.")
def bench(
    *, only: Sequence[str], seconds: int, rounds: int, full: bool, report: Path, markdown: bool
) -> None:
    """Measure hop on this machine, on its own servers.

    \b
      codes    making a code, in memory
      parts    the steps of a redirect and a shorten
      clicks   journal write, roll-up, and the worker from stream to Postgres
      delay    from a redirect to its visible count, under load
      bulk     creating up to a thousand links per call
      http     requests/s beside nginx, an empty app and Flask alone (needs wrk)
      growth   look-ups as the table of links grows
      memory   of a web process with 100,000 hot links (needs wrk)

    Takes seven minutes on two cores, half an hour with --full. Run nothing else meanwhile. The
    measured server gets a core of its own. Prints figures and asserts nothing.
    """
    options = Options(split_cores(), seconds, rounds, full)
    pin(0, options.cores.others)  # inherited by child processes, except the measured servers
    configure_logs("console", "warning")
    facts = read_bench_facts(options)
    found: dict[str, Results] = {}
    try:
        for name in only:
            click.echo(f"## {name}" if markdown else f"{name}:")
            results = _load(BENCHMARKS[name])(options)
            if results is not None:
                found[name] = results
                _show(results, markdown=markdown)
    except (EmbeddedServerError, ServerError, WrkError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(describe_bench_facts(facts))
    for file in write_files(report, facts, found):
        click.echo(f"written: {file}", err=True)


def _load(place: str) -> Callable[[Options], Results | None]:
    module, _, name = place.partition(":")
    try:
        measure: Callable[[Options], Results | None] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{module} needs the package {error.name}") from error
    return measure


def _show(results: Results, *, markdown: bool) -> None:
    table = as_markdown(results.table) if markdown else results.table.as_text()
    separator = "\n- " if markdown else "\n"
    click.echo(f"\n{results.title}\n\n{table}\n{separator}{separator.join(results.notes)}\n")


if __name__ == "__main__":
    bench()
