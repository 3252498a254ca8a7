"""Redirects and shortens over HTTP: hop beside nginx, an empty app and Flask alone.

All subjects are measured in turn, and that several times over: A B C, A B C, … A machine that is
busy for a while then slows a round of all, not all rounds of one. A ratio is taken within a round,
where both halves met the same machine, and of the ratios the median.
"""

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

from bench.benchmark import Findings, Plan
from bench.http.figures import describe_points
from bench.http.point import Point, measure
from bench.http.subjects import Server, list_subjects
from bench.http.wrk import CONNECTIONS, is_installed
from bench.servers.backends import running_backends
from bench.servers.web_server import ServingError


def measure_http(plan: Plan) -> Findings | None:
    """Put each subject under load; None where wrk is missing.

    Raises:
        ServingError, bench.http.wrk.WrkError: a server gives wrong answers, or clicks are missing.
        db.connect.embedded.EmbeddedServerError: a package is missing, or a database does not start.
    """
    if not is_installed():
        click.echo("skipped: wrk makes the load, and is not installed. Try: apt install wrk")
        return None
    subjects = list_subjects(_find_servers())
    points = []
    with (
        tempfile.TemporaryDirectory(prefix="hop-bench-") as name,
        running_backends(Path(name)) as backends,
    ):
        for number in range(plan.rounds):
            for subject in subjects:
                click.echo(f"  round {number + 1}: {subject.name}, {subject.server}", err=True)
                points.append(measure(subject, number, backends, plan.cores, plan.seconds))
        expected = sum(point.clicks for point in points)
        counted = backends.count_clicks(expected)
    _check(points)
    # wrk hangs up with a request open on each connection: answered perhaps, but not seen by it.
    most = expected + 2 * CONNECTIONS * len(points)
    if counted > most:
        raise ServingError(f"{counted:,} clicks were counted, more than {most:,}")
    return describe_points(points, plan, expected=expected, counted=counted)


def _find_servers() -> list[Server]:
    servers: list[Server] = ["gunicorn"]
    if find_spec("granian") is None:
        click.echo("without granian: it is not installed. Try: pip install 'hop[fast]'")
    else:
        servers.append("granian")
    if shutil.which("nginx") is None:
        click.echo("without nginx: it is not installed. Try: apt install nginx-light")
    else:
        servers.insert(0, "nginx")
    return servers


def _check(points: list[Point]) -> None:
    for point in points:
        if point.refused or point.broken:
            raise ServingError(
                f"{point.subject} under {point.server}: {point.refused} answers were errors,"
                f" {point.broken} connections failed"
            )
