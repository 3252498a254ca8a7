"""The delay of a click: from the answered redirect until its count is visible in Postgres.

hop runs as `hop serve` starts it, with a worker, under the load of `hop load`; all processes share
all cores. From time to time, a probe requests a link that gets no other requests, and waits until
the click is counted.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
import urllib3

from app.server.command import server_command
from bench.benchmark import Options, Results, goal_note
from bench.http.subjects import HOP
from bench.servers.backends import Backends, running_backends
from bench.servers.web_server import ADDRESS, ServerError, free_port, running_server
from lab.load.generator.links import create_links, save_links
from lab.load.generator.locust_process import start_generator
from lab.load.plan import LoadPlan
from lab.report.tables import Table

RATE: Final = 1_200
LOAD_S: Final = 30
IDLE_PROBES: Final = 10
SETTLED_S: Final = 5.0  # Locust has started and warmed up
PROBE_EVERY_S: Final = 0.43  # not in step with any interval of hop's
GOAL_S: Final = 1.0
LOST_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Delays:
    """The delay of each probe in seconds, at this many redirects per second."""

    rate: int
    seconds: Sequence[float]


def measure_delay(options: Options) -> Results:
    """Probe an idle hop, then a loaded one.

    Raises:
        ServerError: a server or the load generator fails, or a click is not counted.
        db.connect.embedded.EmbeddedServerError: a package is missing, or a database does not start.
    """
    with running_backends() as backends:
        port = free_port()
        url = f"http://{ADDRESS}:{port}"
        with running_server(
            server_command("gunicorn", HOP, ADDRESS, port, workers=2),
            url=f"{url}/readyz",
            log=backends.directory / "servers.log",
            cores=options.cores.server | options.cores.others,
            settings=backends.settings(),
        ):
            idle = [_probe(backends, url) for _ in range(IDLE_PROBES)]
            loaded = _probe_under_load(backends, url)
    return _describe([Delays(0, idle), Delays(RATE, loaded)])


def _probe_under_load(backends: Backends, url: str) -> list[float]:
    plan = LoadPlan(rate=RATE, duration_s=LOAD_S)
    links = backends.directory / "links.json"
    save_links(create_links(url, plan.hot_links, plan.cold_links), links)
    generator = start_generator(plan, url, links, backends.directory)
    delays = []
    try:
        time.sleep(SETTLED_S)
        while generator.process.poll() is None:
            delays.append(_probe(backends, url))
            time.sleep(PROBE_EVERY_S)
        if generator.process.returncode != 0:
            raise ServerError(f"Locust failed:\n{generator.describe_failure()}")
    finally:
        generator.stop()
    return delays


def _probe(backends: Backends, url: str) -> float:
    """Request a link for the first time; returns the seconds until its click is counted."""
    code = backends.codes.pop()
    with psycopg.connect(backends.database_url, autocommit=True) as connection:
        urllib3.request("GET", f"{url}/{code}", redirect=False, retries=False, timeout=5)
        answered = time.perf_counter()
        while (delay := time.perf_counter() - answered) < LOST_AFTER_S:
            found = connection.execute("SELECT FROM click_totals WHERE code = %s", (code,))
            if found.rowcount:
                return delay
            time.sleep(0.01)
    raise ServerError(f"a click was not counted within {LOST_AFTER_S:.0f} s")


def _describe(measured: Sequence[Delays]) -> Results:
    median = statistics.median(measured[-1].seconds)
    return Results(
        title="From the answered redirect to the visible count",
        table=Table(
            ("load", "probes", "median ms", "p90 ms", "max ms"),
            [
                (f"{each.rate:,}/s", len(each.seconds), *map(_ms, _quantiles(each.seconds)))
                for each in measured
            ],
        ),
        notes=[
            "Two gunicorn processes, one worker and the load generator share all cores.",
            goal_note(
                f"below {GOAL_S:.0f} s at the median at {RATE:,}/s",
                f"{median:.2f} s",
                met=median < GOAL_S,
            ),
        ],
        charts=[],
        measured=measured,
    )


def _quantiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Median, 90th percentile and maximum."""
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return tenths[4], tenths[8], max(seconds)


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
