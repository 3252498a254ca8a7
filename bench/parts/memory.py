"""The memory of a web process with 100,000 hot links, and whether it grows."""

from dataclasses import dataclass
from typing import Final

import click
import psutil

from app.cache.memory import MAX_ENTRIES
from app.server.command import server_command
from bench.benchmark import Options, Results, goal_note
from bench.http.subjects import HOP
from bench.http.wrk import find_wrk, run_wrk
from bench.servers.backends import Backends, running_backends
from bench.servers.web_server import ADDRESS, ServerError, free_port, running_server
from lab.report.tables import Table

GOAL_MB: Final = 120
REQUESTS: Final = 1_000_000
STEPS: Final = 4
_MB: Final = 1_000_000
_STEP_S: Final = 10


@dataclass(frozen=True, slots=True)
class Held:
    """The resident memory of the process after this many requests."""

    after: str
    requests: int
    rss_mb: float


def measure_memory(options: Options) -> Results | None:
    """Request 100,000 links from one gunicorn worker, then, with --full, a million more times.

    None if wrk is missing.

    Raises:
        ServerError, bench.http.wrk.WrkError: an answer is wrong.
        db.connect.embedded.EmbeddedServerError: a package is missing, or a database does not start.
    """
    if not find_wrk():
        return None
    with running_backends(links=MAX_ENTRIES) as backends:
        return _describe(_measure(backends, options))


def _measure(backends: Backends, options: Options) -> list[Held]:
    port = free_port()
    url = f"http://{ADDRESS}:{port}/{backends.codes[0]}"
    with running_server(
        server_command("gunicorn", HOP, ADDRESS, port, workers=1),
        url=url,
        log=backends.directory / "servers.log",
        cores=options.cores.server,
        settings=backends.settings(),
    ) as pid:
        [worker] = psutil.Process(pid).children()
        held = [Held("start", 1, _rss_mb(worker))]
        # Codes are requested in turn, so each one is cached after this many requests.
        requests = _load(url, backends, 0, MAX_ENTRIES)
        held.append(Held(f"{MAX_ENTRIES:,} links", requests, _rss_mb(worker)))
        if options.full:
            # A leak grows with every step; an allocator that settles does not.
            for _ in range(STEPS):
                requests = _load(url, backends, requests, REQUESTS // STEPS)
                held.append(Held("more requests", requests, _rss_mb(worker)))
    return held


def _load(url: str, backends: Backends, done: int, more: int) -> int:
    """Send at least `more` requests after the first `done`; returns the new total."""
    enough = done + more
    while done < enough:
        load = run_wrk(url, _STEP_S, "codes", str(backends.codes_file), str(done))
        if load.refused or load.broken:
            raise ServerError(f"{load.refused} answers were errors, {load.broken} were missing")
        done += load.requests
        click.echo(f"  {done:,} of {enough:,} requests", err=True)
    return done


def _rss_mb(process: psutil.Process) -> float:
    return process.memory_info().rss / _MB


def _describe(held: list[Held]) -> Results:
    _, filled, *later = held
    notes = [
        goal_note(
            f"below {GOAL_MB} MB with {MAX_ENTRIES:,} links",
            f"{filled.rss_mb:.0f} MB",
            met=filled.rss_mb < GOAL_MB,
        )
    ]
    if later:
        grown_mb = later[0].rss_mb - filled.rss_mb
        requests = later[0].requests - filled.requests
        notes.append(f"Growth over the next {requests:,} requests: {grown_mb:.1f} MB.")
    return Results(
        title="Resident memory of a web process (gunicorn)",
        table=Table(
            ("after", "requests", "MB"), [(each.after, each.requests, each.rss_mb) for each in held]
        ),
        notes=notes,
        charts=[],
        measured=held,
    )
