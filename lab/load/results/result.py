"""The result of a load test, as load.json contains it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Literal

from lab.load.plan import SHORTEN, LoadPlan
from lab.load.results.latency import (
    KindSummary,
    SecondSummary,
    count_errors,
    count_statuses,
    select_redirects,
    summarise_kind,
    summarise_kinds,
    summarise_seconds,
)
from lab.load.results.verdict import Verdict, judge
from lab.load.samples import Sample
from lab.report.run_facts import MachineFacts


@dataclass(frozen=True, slots=True)
class Machine(MachineFacts):
    """Where the generator ran, and with which versions."""

    system: str = field(default_factory=lambda: f"{platform.system()} {platform.release()}")
    versions: dict[str, str] = field(
        default_factory=lambda: {
            "python": platform.python_version(),
            **{name: version(name) for name in ("hop", "locust", "gevent")},
        }
    )


@dataclass(frozen=True, slots=True)
class ServerMetrics:
    """What the server reported about the run; None: not available."""

    tiers: dict[str, int] | None  # redirects by tier
    cpu_s: dict[str, float] | None  # of web, postgres, redis, worker


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One load test. `redirects` and `shortens` are right responses, whenever they came."""

    kind: Literal["hop-load"]
    verdict: Verdict
    plan: LoadPlan
    machine: Machine
    redirects: int
    shortens: int
    figures: Sequence[KindSummary]
    errors: dict[str, int]
    statuses: dict[str, int]
    tiers: dict[str, int] | None
    cpu_s: dict[str, float] | None
    cpu_ms_per_redirect: float | None  # of all processes, with shortens and clicks
    generator_cpu: float  # share of a core
    seconds: Sequence[SecondSummary]


def summarise(
    plan: LoadPlan, samples: Sequence[Sample], server: ServerMetrics, generator_cpu: float
) -> LoadResult:
    """Put together the result of a run."""
    redirects = select_redirects(samples)
    summary = summarise_kind("all redirects", redirects, plan.duration_s)
    errors = count_errors(samples)
    cpu_s = _scale_cpu(summary.answered, server)
    total_s = sum(cpu_s.values()) if cpu_s else 0.0
    return LoadResult(
        kind="hop-load",
        verdict=judge(plan, summary, errors, generator_cpu),
        plan=plan,
        machine=Machine(),
        redirects=summary.answered,
        shortens=sum(sample.kind == SHORTEN and not sample.error for sample in samples),
        figures=summarise_kinds(samples, plan.duration_s),
        errors=errors,
        statuses=count_statuses(samples),
        tiers=server.tiers,
        cpu_s=cpu_s,
        cpu_ms_per_redirect=(
            1_000 * total_s / summary.answered if total_s and summary.answered else None
        ),
        generator_cpu=round(generator_cpu, 3),
        seconds=summarise_seconds(redirects, plan.duration_s),
    )


def _scale_cpu(redirects: int, server: ServerMetrics) -> dict[str, float] | None:
    """The server's CPU seconds for this many redirects.

    The server is read a moment after the first samples, so it misses a few redirects.
    """
    seen = sum(server.tiers.values()) if server.tiers else 0
    if server.cpu_s is None or not seen:
        return server.cpu_s
    return {part: round(used * redirects / seen, 3) for part, used in server.cpu_s.items()}
