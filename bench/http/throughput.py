"""Redirects and shortens per second: hop beside nginx, an empty app and Flask alone.

Rounds interleave the subjects: A B C, A B C, … A busy spell of the machine then slows a round of
every subject, not every round of one. Ratios compare subjects within a round; the result is the
median of the rounds' ratios.
"""

import shutil
from importlib.util import find_spec

import click

from bench.benchmark import Options, Results
from bench.http.figures import describe_points
from bench.http.point import Point, measure
from bench.http.subjects import Server, list_subjects
from bench.http.wrk import CONNECTIONS, find_wrk
from bench.servers.backends import running_backends
from bench.servers.web_server import ServerError


def measure_http(options: Options) -> Results | None:
    """Put each subject under load; None if wrk is missing.

    Raises:
        ServerError, bench.http.wrk.WrkError: an answer is wrong, or clicks are missing.
        db.connect.embedded.EmbeddedServerError: a package is missing, or a database does not start.
    """
    if not find_wrk():
        return None
    subjects = list_subjects(_find_servers())
    points = []
    with running_backends() as backends:
        for number in range(options.rounds):
            for subject in subjects:
                click.echo(f"  round {number + 1}: {subject.name}, {subject.server}", err=True)
                points.append(measure(subject, number, backends, options.cores, options.seconds))
        expected = sum(point.clicks for point in points)
        counted = backends.count_clicks(expected)
    _check(points)
    # wrk hangs up with a request in flight on each connection; the server may still answer it.
    most = expected + 2 * CONNECTIONS * len(points)
    if counted > most:
        raise ServerError(f"{counted:,} clicks were counted, more than {most:,}")
    return describe_points(points, options, expected=expected, counted=counted)


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
            raise ServerError(
                f"{point.subject} under {point.server}: {point.refused} answers were errors,"
                f" {point.broken} connections failed"
            )
