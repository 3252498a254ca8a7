"""One measurement: start a server, check an answer, warm up, load it, stop it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3

from app.server.command import server_command
from bench.http.subjects import Subject
from bench.http.wrk import run_wrk
from bench.machine import Cores, used_cpu_s
from bench.servers.backends import Backends
from bench.servers.plain_apps import TARGET
from bench.servers.web_server import (
    ADDRESS,
    ServerError,
    free_port,
    nginx_command,
    running_server,
)

WARM_UP_S: Final = 1
SAMPLES: Final = 2  # requests before the load: of `running_server`, and of `_check_sample`


@dataclass(frozen=True, slots=True)
class Point:
    """The result of one measurement."""

    round: int
    subject: str
    server: str
    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float
    refused: int  # answers that are neither 2xx nor 3xx
    broken: int  # failed connections
    server_busy: float  # share of one core
    cpu_s: Mapping[str, float]  # of "web" and of each backend
    clicks: int  # to be counted, those before the load included


def measure(subject: Subject, number: int, backends: Backends, cores: Cores, seconds: int) -> Point:
    """Measure a subject once, in round `number`.

    Raises:
        ServerError, bench.http.wrk.WrkError: it does not start, or gives a wrong answer.
    """
    port = free_port()
    url = f"http://{ADDRESS}:{port}/{backends.codes[0]}"
    arguments = {
        "one link": [],
        "many links": ["codes", str(backends.codes_file), "0"],
        "shorten": ["shorten"],
    }[subject.asks]
    with running_server(
        _command(subject, backends.directory, port),
        url=url,
        log=backends.directory / "servers.log",
        cores=cores.server,
        settings=_settings(subject, backends),
    ) as pid:
        _check_sample(subject, url)
        warm_up = run_wrk(url, WARM_UP_S, *arguments)
        roots = {"web": pid, **backends.process_ids}
        before = used_cpu_s(roots)
        load = run_wrk(url, seconds, *arguments)
        cpu_s = {name: used - before[name] for name, used in used_cpu_s(roots).items()}
    return Point(
        round=number,
        subject=subject.name,
        server=subject.server,
        requests=load.requests,
        per_s=load.per_s,
        p50_ms=load.p50_us / 1_000,
        p99_ms=load.p99_us / 1_000,
        refused=load.refused + warm_up.refused,
        broken=load.broken + warm_up.broken,
        server_busy=cpu_s["web"] * 1e6 / load.duration_us,
        cpu_s=cpu_s,
        clicks=_clicks(subject, load.requests + warm_up.requests),
    )


def _settings(subject: Subject, backends: Backends) -> dict[str, str] | None:
    if not subject.is_hop or subject.server == "nginx":
        return None
    return backends.settings(subject.server, with_redis=subject.needs_redis)


def _clicks(subject: Subject, requests: int) -> int:
    if subject.counts:
        return SAMPLES + requests
    return SAMPLES if subject.asks == "shorten" else 0


def _command(subject: Subject, directory: Path, port: int) -> list[str]:
    if subject.server == "nginx":
        return nginx_command(directory, port)
    return server_command(subject.server, subject.factory, ADDRESS, port, workers=1)


def _check_sample(subject: Subject, url: str) -> None:
    """Refuse to measure a server whose answer is wrong."""
    sample = urllib3.request("GET", url, redirect=False, retries=False, timeout=5)
    found = (sample.status, sample.headers.get("Location"))
    if found != (302, TARGET):
        raise ServerError(f"{subject.name} under {subject.server} answers {found}")
