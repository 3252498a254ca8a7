"""hop load."""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from cli.client import url_option
from cli.load.run import measure
from cli.load.target import CannotMeasureError, check_target
from cli.options import json_option
from lab.load.generator.links import CreateLinksError
from lab.load.generator.locust_process import GeneratorError
from lab.load.plan import PROFILES, LoadPlan
from lab.load.results.report import as_text, write_files
from lab.load.samples import MOST_SAMPLES
from lab.report.report_files import as_json

MOST_LINKS: Final = 200_000
EXIT_STATUS: Final = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}

_DEFAULTS: Final = LoadPlan()


def _plan_option(field: str, kind: click.ParamType[Any], text: str) -> Callable[[Any], Any]:
    """An option for a field of the plan, with the field's default."""
    flag = f"--{field.removesuffix('_s').replace('_', '-')}"
    return click.option(flag, field, type=kind, default=getattr(_DEFAULTS, field), help=text)


@click.command()
@_plan_option("rate", click.IntRange(1, 10_000), "Redirects per second; other requests are extra.")
@_plan_option("duration_s", click.IntRange(1, 3_600), "Seconds of load to judge.")
@_plan_option("warm_up_s", click.IntRange(0, 600), "Seconds of load before that, not judged.")
@_plan_option("profile", click.Choice(PROFILES), "Which requests to send, see above.")
@_plan_option("p99_ms", click.FloatRange(0.1, 60_000), "PASS needs a 99th percentile below this.")
@_plan_option("reads_per_write", click.IntRange(1, 1_000), "Redirects per shorten.")
@_plan_option("links", click.IntRange(1, MOST_LINKS), "Number of links to request.")
@_plan_option("zipf_exponent", click.FloatRange(0, 3), "Skew of their popularity; 0 is uniform.")
@_plan_option("spacing", click.Choice(["poisson", "even"]), "Distribution of arrivals.")
@_plan_option("redirect_status", click.Choice([301, 302, 307, 308]), "Expected status.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Directory for load.html and load.json.  [default: .hop/load/TIME]",
)
@json_option
@click.option("--allow-remote", is_flag=True, help="Permit a target on another machine.")
@url_option
def load(
    *,
    hop_url: str,
    report: Path | None,
    json_: bool,
    allow_remote: bool,
    **options: Any,
) -> None:
    """Load a running hop; judge whether it is fast enough.

    \b
    regional  links by Zipf's law, and shortens
    viral     one link
    cold      many links, each once
    scan      links by Zipf's law, and half as many unknown codes
    mixed     all of these

    Each request is sent when it is due, whether or not earlier ones are answered; its response time
    counts from then. Locust sends the requests, in its own process.

    Exit status: 0 PASS, 1 FAIL, 2 nothing to judge, 3 INCONCLUSIVE (the load generator was the
    limit).
    """
    plan = LoadPlan(**options)
    _check_size(plan)
    hop_url = check_target(hop_url, allow_remote=allow_remote)
    directory = report or _default_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        result = measure(plan, hop_url)
        page = write_files(result, directory)
    except (CreateLinksError, GeneratorError, OSError) as error:
        raise CannotMeasureError(str(error)) from error
    except KeyboardInterrupt:  # click would exit with 1, which means FAIL
        click.echo("interrupted: no verdict", err=True)
        sys.exit(128 + signal.SIGINT)
    click.echo(as_json(result) if json_ else as_text(result), nl=not json_)
    click.echo(f"report: {page}", err=True)
    sys.exit(EXIT_STATUS[result.verdict.outcome])


def _check_size(plan: LoadPlan) -> None:
    """Refuse a test that is too large before it creates anything."""
    requests = plan.requests_per_s * plan.duration_s
    if requests > MOST_SAMPLES:
        raise click.UsageError(
            f"{requests:,.0f} requests exceed the {MOST_SAMPLES:,} whose times fit in memory;"
            " lower --rate or --duration"
        )
    if plan.hot_links + plan.cold_links > MOST_LINKS:
        raise click.UsageError(
            f"profile {plan.profile} needs {plan.cold_links:,} links to ask for once each, and the"
            f" limit is {MOST_LINKS:,}; lower --rate or --duration"
        )


def _default_directory() -> Path:
    return Path(
        os.environ.get("HOP_DATA_DIR", ".hop"), "load", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    )
