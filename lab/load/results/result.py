"""Everything that one load test found, as its JSON tells it."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal

from lab.load.plan import SHORTEN, Plan
from lab.load.results.latency import (
    KindFigures,
    Second,
    count_errors,
    count_statuses,
    figures_by_kind,
    figures_by_second,
    figures_of,
    redirects_of,
)
from lab.load.results.verdict import Verdict, judge
from lab.load.samples import Sample
from lab.report.run_facts import read_commit, read_cpu


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the generator ran, and on what. No host name, no path."""

    date: str = field(default_factory=lambda: f"{datetime.now(UTC):%F %H:%M} UTC")
    commit: str = field(default_factory=read_commit)
    cpu: str = field(default_factory=read_cpu)
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    system: str = field(default_factory=lambda: f"{platform.system()} {platform.release()}")
    versions: dict[str, str] = field(
        default_factory=lambda: {
            "python": platform.python_version(),
            **{name: version(name) for name in ("hop", "locust", "gevent")},
        }
    )


@dataclass(frozen=True, slots=True)
class ServerSide:
    """What the server told; None: it did not."""

    tiers: dict[str, int] | None  # redirects by the tier that answered
    cpu_s: dict[str, float] | None  # CPU seconds of web, postgres, redis, worker


@dataclass(frozen=True, slots=True)
class Result:
    """One load test. `redirects` and `shortens` are right answers, whenever they came."""

    kind: Literal["hop-load"]
    verdict: Verdict
    plan: Plan
    machine: Machine
    redirects: int
    shortens: int
    figures: Sequence[KindFigures]
    errors: dict[str, int]
    statuses: dict[str, int]
    tiers: dict[str, int] | None
    cpu_s: dict[str, float] | None
    cpu_ms_per_redirect: float | None  # all parts together, shortens and clicks included
    generator_cpu: float  # share of a core
    seconds: Sequence[Second]


def summarise(
    plan: Plan, samples: Sequence[Sample], server: ServerSide, generator_cpu: float
) -> Result:
    """Work everything out."""
    redirects = redirects_of(samples)
    found = figures_of("all redirects", redirects, plan.duration_s)
    errors = count_errors(samples)
    cpu_s = _for_redirects(found.answered, server)
    used_s = sum(cpu_s.values()) if cpu_s else None
    return Result(
        kind="hop-load",
        verdict=judge(plan, found, errors, generator_cpu),
        plan=plan,
        machine=Machine(),
        redirects=found.answered,
        shortens=sum(sample.kind == SHORTEN and not sample.error for sample in samples),
        figures=figures_by_kind(samples, plan.duration_s),
        errors=errors,
        statuses=count_statuses(samples),
        tiers=server.tiers,
        cpu_s=cpu_s,
        cpu_ms_per_redirect=1_000 * used_s / found.answered if used_s and found.answered else None,
        generator_cpu=round(generator_cpu, 3),
        seconds=figures_by_second(redirects, plan.duration_s),
    )


def _for_redirects(redirects: int, server: ServerSide) -> dict[str, float] | None:
    """The processor time of the server for so many redirects.

    The server is first asked when the first samples are seen, a moment after they began, so it
    tells of a few redirects less than the samples do.
    """
    told = sum(server.tiers.values()) if server.tiers else 0
    if server.cpu_s is None or not told:
        return server.cpu_s
    return {part: round(used * redirects / told, 3) for part, used in server.cpu_s.items()}
