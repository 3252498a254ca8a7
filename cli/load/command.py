"""hop load: a load test with a verdict."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from cli.client import url_option
from cli.load.run import measure
from cli.load.target import CannotMeasureError, check_target
from lab.load.generator.links import CreateLinksError
from lab.load.generator.locust_process import GeneratorError
from lab.load.plan import PROFILES, LoadPlan
from lab.load.results.report import as_text, write_files
from lab.load.samples import MOST_SAMPLES
from lab.report.report_files import as_json

MOST_LINKS: Final = 200_000
EXIT_STATUS: Final = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}

_DEFAULTS: Final = LoadPlan()


@click.command()
@click.option(
    "--rate",
    type=click.IntRange(1, 10_000),
    default=_DEFAULTS.rate,
    show_default=True,
    help="Redirects a second; shortens and unknown codes come on top.",
)
@click.option(
    "--duration",
    "duration_s",
    type=click.IntRange(1, 3_600),
    show_default=True,
    default=_DEFAULTS.duration_s,
    help="Seconds.",
)
@click.option(
    "--warm-up",
    "warm_up_s",
    type=click.IntRange(0, 600),
    show_default=True,
    default=_DEFAULTS.warm_up_s,
    help="Seconds before, of which nothing is judged.",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default=_DEFAULTS.profile,
    show_default=True,
    help="What is asked for, see above.",
)
@click.option(
    "--p99-ms",
    type=click.FloatRange(0.1, 60_000),
    default=_DEFAULTS.p99_ms,
    show_default=True,
    help="99 of 100 redirects must take less than this.",
)
@click.option(
    "--reads-per-write",
    type=click.IntRange(1, 1_000),
    show_default=True,
    default=_DEFAULTS.reads_per_write,
    help="Redirects for each shorten.",
)
@click.option(
    "--links",
    type=click.IntRange(1, MOST_LINKS),
    default=_DEFAULTS.links,
    show_default=True,
    help="Links over which redirects are spread.",
)
@click.option(
    "--zipf-exponent",
    type=click.FloatRange(0, 3),
    default=_DEFAULTS.zipf_exponent,
    show_default=True,
    help="How unevenly: 0 is evenly.",
)
@click.option(
    "--spacing",
    type=click.Choice(["poisson", "even"]),
    default=_DEFAULTS.spacing,
    show_default=True,
    help="Of arrivals.",
)
@click.option(
    "--redirect-status",
    type=click.Choice(["301", "302", "307", "308"]),
    default=str(_DEFAULTS.redirect_status),
    show_default=True,
    help="The status that is right.",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where load.html and load.json go.  [default: .hop/load/TIME]",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
@click.option("--allow-remote", is_flag=True, help="Load a hop on another machine, which is mine.")
@url_option
def load(
    *,
    hop_url: str,
    report: Path | None,
    json_: bool,
    allow_remote: bool,
    redirect_status: str,
    **options: Any,
) -> None:
    """Load a running hop and judge whether it is fast enough.

    \b
    regional  links by Zipf's law, and shortens
    viral     one link
    cold      many links, each once
    scan      links by Zipf's law, and half as many unknown codes
    mixed     all of it

    Requests are sent when they are due, whether or not earlier ones were answered, and response
    times count from then. Locust sends them, from a process of its own.

    Ends with status 0 for PASS, 1 for FAIL, 2 when there is nothing to judge, and 3 when the load
    generator itself was the limit.
    """  # noqa: D301 - Click wants the character \b before lines that it must not wrap
    plan = LoadPlan(redirect_status=int(redirect_status), **options)
    _check_size(plan)
    hop_url = check_target(hop_url, allow_remote=allow_remote)
    directory = report or _default_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        result = measure(plan, hop_url)
        page = write_files(result, directory)
    except (CreateLinksError, GeneratorError, OSError) as error:
        raise CannotMeasureError(str(error)) from error
    except KeyboardInterrupt:  # Click would end with 1, which means FAIL
        click.echo("interrupted: no verdict", err=True)
        sys.exit(128 + signal.SIGINT)
    click.echo(as_json(result) if json_ else as_text(result), nl=not json_)
    click.echo(f"report: {page}", err=True)
    sys.exit(EXIT_STATUS[result.verdict.outcome])


def _check_size(plan: LoadPlan) -> None:
    """Refuse what would not fit, before anything is made."""
    requests = plan.requests_per_s * plan.duration_s
    if requests > MOST_SAMPLES:
        raise click.UsageError(
            f"{requests:,.0f} requests are more than the {MOST_SAMPLES:,} whose times can be kept;"
            " lower --rate or --duration"
        )
    if plan.hot_links + plan.cold_links > MOST_LINKS:
        raise click.UsageError(
            f"profile {plan.profile} would need {plan.cold_links:,} links to ask for once each,"
            f" and {MOST_LINKS:,} is the most; lower --rate or --duration"
        )


def _default_directory() -> Path:
    return Path(
        os.environ.get("HOP_DATA_DIR", ".hop"), "load", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    )
