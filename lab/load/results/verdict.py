"""PASS, FAIL, or INCONCLUSIVE: the generator was the limit, so nothing was learned about hop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from lab.load.plan import LoadPlan
from lab.load.results.latency import KindSummary

MOST_ERRORS: Final = 0.001  # share of requests: the required availability is 99.9 %
_LEAST_RATE: Final = 0.95  # share of the planned rate
_BUSY: Final = 0.95  # of one core: Locust has a single thread
# Errors that a late generator may have caused itself.
_OWN_ERRORS: Final = ("gave up", "no answer")

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, and a line with the reason."""

    outcome: Outcome
    line: str


def judge(
    plan: LoadPlan, redirects: KindSummary, errors: Mapping[str, int], generator_cpu: float
) -> Verdict:
    """Judge a run.

    It passes if the p99 of response times is below the limit. As these count from when requests
    were due, they include every delay of hop and of the generator. A slow run is blamed on hop
    only if the generator was in time.

    Args:
        plan: of the run.
        redirects: summary of all redirects.
        errors: of all requests, as `latency.count_errors` returns them.
        generator_cpu: share of a core that the generator used, 0 to 1.
    """
    if not redirects.requests:
        return Verdict("INCONCLUSIVE", "INCONCLUSIVE no redirect was due in so short a time")
    faults = _find_faults(plan, redirects, errors)
    excuse = _find_excuse(plan, redirects, generator_cpu)
    sent_all = redirects.requests >= _least_requests(plan)
    is_blamed = "errors" in faults and not all(map(_is_own_error, errors))
    if excuse and not is_blamed and (faults or not sent_all):
        return Verdict("INCONCLUSIVE", f"INCONCLUSIVE the generator was the limit: {excuse}")
    if faults:
        return Verdict("FAIL", f"FAIL {faults} at {plan.rate:,}/s")
    seen = f"p99 {redirects.p99_ms:.1f} ms < {plan.p99_ms:g} ms"
    return Verdict("PASS", f"PASS {seen} at {plan.rate:,}/s")


def _find_faults(plan: LoadPlan, redirects: KindSummary, errors: Mapping[str, int]) -> str:
    """Requirements that the run does not meet; empty if there are none."""
    faults = []
    wrong = sum(errors.values())
    if redirects.answered and redirects.p99_ms >= plan.p99_ms:
        faults.append(f"p99 {redirects.p99_ms:.1f} ms, not under {plan.p99_ms:g} ms")
    if wrong > MOST_ERRORS * redirects.requests:
        faults.append(f"{wrong:,} errors, most of them {next(iter(errors))}")
    if redirects.per_s * plan.duration_s < _least_requests(plan):
        faults.append(f"rate not reached: {redirects.per_s:,.0f}/s answered in time")
    return "; ".join(faults)


def _find_excuse(plan: LoadPlan, redirects: KindSummary, generator_cpu: float) -> str:
    """Why the generator rather than hop may be the limit; empty if it is not."""
    late_ms = redirects.start_delay_p99_ms
    if redirects.answered and redirects.service_p99_ms < plan.p99_ms <= redirects.p99_ms:
        return f"hop took {redirects.service_p99_ms:.1f} ms (p99), sends were {late_ms:.1f} ms late"
    if late_ms > plan.p99_ms / 2:
        # It reads responses as late as it sends requests: its service times are wrong, too.
        return f"1 in 100 sends was {late_ms:.1f} ms late or more"
    if generator_cpu >= _BUSY:
        return f"it used {100 * generator_cpu:.0f} % of a core"
    if redirects.requests < _least_requests(plan):
        return f"it sent {redirects.requests / plan.duration_s:,.0f}/s of {plan.rate:,}/s"
    return ""


def _least_requests(plan: LoadPlan) -> float:
    """Requests that must be sent and answered, less four deviations of Poisson arrivals."""
    expected = plan.rate * plan.duration_s
    return expected * _LEAST_RATE - 4 * math.sqrt(expected)


def _is_own_error(error: str) -> bool:
    return error.partition(": ")[2].startswith(_OWN_ERRORS)
