"""How much memory a web process holds with 100,000 hot links, and whether that grows."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import psutil

from app.cache.memory import MOST_ENTRIES
from bench.benchmark import Findings, Plan
from bench.http.wrk import is_installed, run_wrk
from bench.servers.backends import Backends, running_backends
from bench.servers.web_server import ADDRESS, ServingError, free_port, python_module, serving
from cli.demo.output import web_workers
from cli.server.serve import server_arguments
from lab.report.tables import Table

GOAL_MB: Final = 90
REQUESTS: Final = 1_000_000
STEPS: Final = 4
_HOP: Final = "bench.http.as_deployed:as_deployed"
_MB: Final = 1_000_000
_STEP_S: Final = 10


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds after so many requests."""

    after: str
    requests: int
    rss_mb: float


def measure_memory(plan: Plan) -> Findings | None:
    """Ask one gunicorn worker for 100,000 links, then, with --full, for a million more.

    None where wrk is missing.

    Raises:
        ServingError, bench.http.wrk.WrkError: answers are wrong.
        db.connect.embedded.EmbeddedServerError: a package is missing, or a database does not start.
    """
    if not is_installed():
        click.echo("skipped: wrk makes the load, and is not installed. Try: apt install wrk")
        return None
    with (
        tempfile.TemporaryDirectory(prefix="hop-bench-") as name,
        running_backends(Path(name), links=MOST_ENTRIES) as backends,
    ):
        held = _measure(backends, plan)
    return _describe(held)


def _measure(backends: Backends, plan: Plan) -> list[Held]:
    port = free_port()
    url = f"http://{ADDRESS}:{port}/{backends.codes[0]}"
    with serving(
        python_module(*server_arguments("gunicorn", _HOP, ADDRESS, port, 1)),
        url=url,
        log=backends.directory / "servers.log",
        cores=plan.cores.server,
        settings=backends.settings(),
    ) as pid:
        [worker] = web_workers(pid)
        held = [Held("its start", 1, _rss_mb(worker))]
        # The codes are asked for in turn: after so many requests each was asked for.
        asked = _ask(url, backends, 0, MOST_ENTRIES)
        held.append(Held(f"{MOST_ENTRIES:,} links", asked, _rss_mb(worker)))
        if plan.full:
            # What grows does so from step to step; an allocator that settles comes to an end.
            for _ in range(STEPS):
                asked = _ask(url, backends, asked, REQUESTS // STEPS)
                held.append(Held("more requests", asked, _rss_mb(worker)))
    return held


def _ask(url: str, backends: Backends, asked: int, requests: int) -> int:
    """Ask for so many links and more, going on after the last; returns how many it now were."""
    enough = asked + requests
    while asked < enough:
        load = run_wrk(url, _STEP_S, "codes", str(backends.codes_file), str(asked))
        if load.refused or load.broken:
            raise ServingError(f"{load.refused} answers were errors, {load.broken} did not come")
        asked += load.requests
        click.echo(f"  {asked:,} of {enough:,} requests", err=True)
    return asked


def _rss_mb(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / _MB


def _describe(held: list[Held]) -> Findings:
    filled = held[1].rss_mb
    notes = [
        (
            f"Goal: below {GOAL_MB} MB with {MOST_ENTRIES:,} links: {filled:.0f} MB,"
            f" {'reached' if filled < GOAL_MB else 'missed'}."
        )
    ]
    if len(held) > 2:  # noqa: PLR2004 - with --full
        grown = held[2].rss_mb - filled
        notes.append(
            f"Grown over {held[2].requests - held[1].requests:,} requests: {grown:.1f} MB."
        )
    return Findings(
        title="Memory of a web process (gunicorn worker, resident)",
        table=Table(
            ("after", "requests", "MB"), [(each.after, each.requests, each.rss_mb) for each in held]
        ),
        notes=notes,
        charts=[],
        measured=held,
    )
