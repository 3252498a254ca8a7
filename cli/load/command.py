"""hop load."""

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
from cli.options import json_option
from lab.load.generator import GeneratorError
from lab.load.prepared import PrepareError
from lab.load.report import as_text, write_files
from lab.load.samples import MOST_SAMPLES
from lab.load.traffic import PROFILES, Plan
from lab.report.files import as_json

MOST_LINKS: Final = 200_000
EXIT_STATUS: Final = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}

_DEFAULTS: Final = Plan()


@click.command()
@click.option(
    "--rate",
    type=click.IntRange(1, 10_000),
    default=_DEFAULTS.rate,
    show_default=True,
    help="Redirects per second; shortens and unknown codes are extra.",
)
@click.option(
    "--duration",
    "duration_s",
    type=click.IntRange(1, 3_600),
    show_default=True,
    default=_DEFAULTS.duration_s,
    help="Seconds of load to judge.",
)
@click.option(
    "--warm-up",
    "warm_up_s",
    type=click.IntRange(0, 600),
    show_default=True,
    default=_DEFAULTS.warm_up_s,
    help="Seconds of load before that, not judged.",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default=_DEFAULTS.profile,
    show_default=True,
    help="Which requests to send, see above.",
)
@click.option(
    "--p99-ms",
    type=click.FloatRange(0.1, 60_000),
    default=_DEFAULTS.p99_ms,
    show_default=True,
    help="PASS needs a 99th percentile below this.",
)
@click.option(
    "--reads-per-write",
    type=click.IntRange(1, 1_000),
    show_default=True,
    default=_DEFAULTS.reads_per_write,
    help="Redirects per shorten.",
)
@click.option(
    "--links",
    type=click.IntRange(1, MOST_LINKS),
    default=_DEFAULTS.links,
    show_default=True,
    help="Number of links to request.",
)
@click.option(
    "--zipf-exponent",
    type=click.FloatRange(0, 3),
    default=_DEFAULTS.zipf_exponent,
    show_default=True,
    help="Skew of their popularity; 0 is uniform.",
)
@click.option(
    "--spacing",
    type=click.Choice(["poisson", "even"]),
    default=_DEFAULTS.spacing,
    show_default=True,
    help="Distribution of arrivals.",
)
@click.option(
    "--redirect-status",
    type=click.Choice(["301", "302", "307", "308"]),
    default=str(_DEFAULTS.redirect_status),
    show_default=True,
    help="Expected status.",
)
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
    redirect_status: str,
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
    plan = Plan(redirect_status=int(redirect_status), **options)
    _check_size(plan)
    hop_url = check_target(hop_url, allow_remote=allow_remote)
    directory = report or _default_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        result = measure(plan, hop_url)
        page = write_files(result, directory)
    except (PrepareError, GeneratorError, OSError) as error:
        raise CannotMeasureError(str(error)) from error
    except KeyboardInterrupt:  # click would exit with 1, which means FAIL
        click.echo("interrupted: no verdict", err=True)
        sys.exit(128 + signal.SIGINT)
    click.echo(as_json(result) if json_ else as_text(result), nl=not json_)
    click.echo(f"report: {page}", err=True)
    sys.exit(EXIT_STATUS[result.verdict.outcome])


def _check_size(plan: Plan) -> None:
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
