"""One measurement: a server is started, checked, warmed up, loaded for some seconds and ended."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3

from bench.http.subjects import Subject
from bench.http.wrk import run_wrk
from bench.machine import Cores, used_cpu_s
from bench.servers.backends import Backends
from bench.servers.plain_apps import TARGET
from bench.servers.web_server import (
    ADDRESS,
    ServingError,
    free_port,
    python_module,
    serving,
    write_nginx_command,
)
from cli.server.serve import server_arguments

WARM_UP_S: Final = 1
SAMPLES: Final = 2  # requests of `serving`, which waits for an answer, and of `_check_sample`


@dataclass(frozen=True, slots=True)
class Point:
    """What one measurement found."""

    round: int
    subject: str
    server: str
    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float
    refused: int  # answers that were neither 2xx nor 3xx
    broken: int  # connections
    server_busy: float  # share of one core that the server used
    cpu_s: Mapping[str, float]  # by "web" and what stands behind it
    clicks: int  # that must be counted: redirects of the warm-up and the samples as well


def measure(subject: Subject, number: int, backends: Backends, cores: Cores, seconds: int) -> Point:
    """Measure one subject once.

    Raises:
        ServingError, bench.http.wrk.WrkError: it does not start or gives a wrong answer.
    """
    port = free_port()
    url = f"http://{ADDRESS}:{port}/{backends.codes[0]}"
    asks: list[str] = []
    if subject.asks == "many links":
        asks = ["codes", str(backends.codes_file), "0"]
    elif subject.asks == "shorten":
        asks = ["shorten"]
    with serving(
        _command(subject, backends.directory, port),
        url=url,
        log=backends.directory / "servers.log",
        cores=cores.server,
        settings=_settings(subject, backends),
    ) as pid:
        _check_sample(subject, url)
        warm = run_wrk(url, WARM_UP_S, *asks)
        roots = {"web": pid, **backends.process_ids}
        before = used_cpu_s(roots)
        load = run_wrk(url, seconds, *asks)
        cpu_s = {name: used - before[name] for name, used in used_cpu_s(roots).items()}
    return Point(
        round=number,
        subject=subject.name,
        server=subject.server,
        requests=load.requests,
        per_s=load.per_s,
        p50_ms=load.p50_us / 1_000,
        p99_ms=load.p99_us / 1_000,
        refused=load.refused + warm.refused,
        broken=load.broken + warm.broken,
        server_busy=cpu_s["web"] * 1e6 / load.duration_us,
        cpu_s=cpu_s,
        clicks=_clicks(subject, load.requests + warm.requests),
    )


def _settings(subject: Subject, backends: Backends) -> dict[str, str] | None:
    if not subject.is_hop:
        return None
    return backends.settings(subject.server, with_redis=subject.needs_redis)


def _clicks(subject: Subject, requests: int) -> int:
    if subject.counts:
        return SAMPLES + requests
    return SAMPLES if subject.asks == "shorten" else 0


def _command(subject: Subject, directory: Path, port: int) -> list[str]:
    if subject.server == "nginx":
        return write_nginx_command(shutil.which("nginx") or "nginx", directory, port)
    return python_module(*server_arguments(subject.server, subject.factory, ADDRESS, port, 1))


def _check_sample(subject: Subject, url: str) -> None:
    """A fast wrong answer is worth nothing."""
    sample = urllib3.request("GET", url, redirect=False, retries=False, timeout=5)
    found = (sample.status, sample.headers.get("Location"))
    if found != (302, TARGET):
        raise ServingError(f"{subject.name} under {subject.server} answers {found}")
