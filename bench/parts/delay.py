"""How long a click takes from the answered redirect to the count that everybody can read.

hop runs as `hop serve` starts it, with a worker, under the load of `hop load`; nothing has a core
of its own. Every now and then a link is asked for that nobody else asks for, and its count awaited.
"""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import urllib3

from bench.benchmark import Findings, Plan
from bench.http.subjects import HOP
from bench.servers.backends import Backends, running_backends
from bench.servers.web_server import ADDRESS, ServingError, free_port, python_module, serving
from cli.server.serve import server_arguments
from lab.report.tables import Table

RATE: Final = 1_200
LOAD_S: Final = 30
SETTLED_S: Final = 5.0  # links are made, and the first seconds are over
PROBE_EVERY_S: Final = 0.43  # in step with nothing that hop does at a fixed pace
GOAL_S: Final = 1.0
LOST_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Of each probe, in seconds, and the rate of redirects that was asked for beside them."""

    rate: int
    seconds: Sequence[float]


def measure_delay(plan: Plan) -> Findings:
    """Ask for links of their own during a load, and wait for each to be counted.

    Raises:
        ServingError: a server does not start, or a click is not counted.
        db.connect.embedded.EmbeddedServerError: a package is missing, or a database does not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="hop-bench-") as name,
        running_backends(Path(name)) as backends,
    ):
        port = free_port()
        url = f"http://{ADDRESS}:{port}"
        with serving(
            python_module(*server_arguments("gunicorn", HOP, ADDRESS, port, 2)),
            url=f"{url}/readyz",
            log=backends.directory / "servers.log",
            cores=plan.cores.server | plan.cores.others,
            settings=backends.settings(),
        ):
            delays = [_measure(backends, url, rate) for rate in (0, RATE)]
    return _describe(delays)


def _measure(backends: Backends, url: str, rate: int) -> Delays:
    if rate == 0:
        return Delays(rate, [_probe(backends, url) for _ in range(10)])
    report = ("--report", str(backends.directory / "load"))
    load = python_module("cli.main", "load", "--hop-url", url, "--rate", str(rate))
    with (
        (backends.directory / "load.log").open("wb") as log,
        subprocess.Popen(
            [*load, "--duration", str(LOAD_S), *report],
            stdout=log,
            stderr=log,
            env=backends.settings(),
        ) as process,
    ):
        time.sleep(SETTLED_S)
        delays = []
        while process.poll() is None:
            delays.append(_probe(backends, url))
            time.sleep(PROBE_EVERY_S)
    return Delays(rate, delays)


def _probe(backends: Backends, url: str) -> float:
    """Ask for a link that was never asked for; returns the seconds until its click is counted."""
    code = backends.codes.pop()
    with psycopg.connect(backends.database_url, autocommit=True) as connection:
        urllib3.request("GET", f"{url}/{code}", redirect=False, retries=False, timeout=5)
        answered = time.perf_counter()
        while (delay := time.perf_counter() - answered) < LOST_AFTER_S:
            found = connection.execute("SELECT FROM click_totals WHERE code = %s", (code,))
            if found.rowcount:
                return delay
            time.sleep(0.01)
    raise ServingError(f"a click was not counted within {LOST_AFTER_S:.0f} s")


def _describe(measured: Sequence[Delays]) -> Findings:
    rows = [
        (f"{each.rate:,}/s", len(each.seconds), *(_ms(each.seconds, at) for at in (50, 90, 100)))
        for each in measured
    ]
    median = statistics.median(measured[-1].seconds)
    return Findings(
        title="From the answered redirect to the visible count",
        table=Table(("load", "probes", "median ms", "p90 ms", "most ms"), rows),
        notes=[
            "Two gunicorn processes, one worker, the load's generator: all on the same cores.",
            (
                f"Goal: below {GOAL_S:.0f} s at the median at {RATE:,}/s: {median:.2f} s,"
                f" {'reached' if median < GOAL_S else 'missed'}."
            ),
        ],
        charts=[],
        measured=measured,
    )


def _ms(seconds: Sequence[float], percent: int) -> int:
    place = max(0, -(-len(seconds) * percent // 100) - 1)
    return round(sorted(seconds)[place] * 1_000)
