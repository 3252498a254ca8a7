"""PASS, FAIL, or: the load generator was the limit, so nothing was learned about hop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from lab.load.plan import Plan
from lab.load.results.latency import KindFigures

MOST_ERRORS: Final = 0.001  # availability is to be 99.9 %
_RATE_REACHED: Final = 0.95
_BUSY: Final = 0.95  # of one core: Locust is a single thread
# Faults that a generator may have caused itself when it is late everywhere.
_OWN_FAULTS: Final = ("gave up", "no answer")

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome and the line that says why."""

    outcome: Outcome
    line: str


def judge(
    plan: Plan, redirects: KindFigures, errors: Mapping[str, int], generator_cpu: float
) -> Verdict:
    """Decide.

    A run passes only if the p99 of the response time, which counts from when a request was due and
    so holds every delay of hop and of the generator, is under the limit. A run that does not is
    blamed on hop only if the generator was not late itself.

    Args:
        plan: what was asked for.
        redirects: figures of all redirects.
        errors: of all requests, as `figures.count_errors` counts them.
        generator_cpu: share of a core that the generator used, 1.0 is all of it.
    """
    if not redirects.requests:
        return Verdict("INCONCLUSIVE", "INCONCLUSIVE no redirect was due in so short a time")
    reason = _find_fault(plan, redirects, errors)
    excuse = _find_excuse(plan, redirects, generator_cpu)
    seen = f"p99 {redirects.p99_ms:.1f} ms"
    sent_all = redirects.requests >= _least(plan)
    blamed = any(not _may_be_own(error) for error in errors) and "errors" in reason
    if excuse and not blamed and (reason or not sent_all):
        return Verdict("INCONCLUSIVE", f"INCONCLUSIVE the generator was the limit: {excuse}")
    if reason:
        return Verdict("FAIL", f"FAIL {reason}")
    return Verdict("PASS", f"PASS {seen} < {plan.p99_ms:g} ms at {plan.rate:,}/s")


def _find_fault(plan: Plan, redirects: KindFigures, errors: Mapping[str, int]) -> str:
    """What was asked for and is not so; empty when all is."""
    faults = []
    wrong = sum(errors.values())
    if redirects.answered and redirects.p99_ms >= plan.p99_ms:
        faults.append(f"p99 {redirects.p99_ms:.1f} ms, not under {plan.p99_ms:g} ms")
    if wrong > MOST_ERRORS * redirects.requests:
        faults.append(f"{wrong:,} errors, most of them {next(iter(errors))}")
    if redirects.per_s * plan.duration_s < _least(plan):
        faults.append(f"rate not reached: {redirects.per_s:,.0f}/s answered in time")
    return f"{'; '.join(faults)} at {plan.rate:,}/s" if faults else ""


def _find_excuse(plan: Plan, redirects: KindFigures, generator_cpu: float) -> str:
    """Why hop may not be to blame; empty when it is."""
    late_ms = redirects.start_delay_p99_ms
    if redirects.answered and redirects.service_p99_ms < plan.p99_ms <= redirects.p99_ms:
        return f"hop took {redirects.service_p99_ms:.1f} ms (p99), sends were {late_ms:.1f} ms late"
    if late_ms > plan.p99_ms / 2:
        # It reads answers as late as it sends requests, so its service times are no use either.
        return f"1 in 100 sends was {late_ms:.1f} ms late or more"
    if generator_cpu >= _BUSY:
        return f"it used {100 * generator_cpu:.0f} % of a core"
    if redirects.requests < _least(plan):
        return f"it sent {redirects.requests / plan.duration_s:,.0f}/s of {plan.rate:,}/s"
    return ""


def _least(plan: Plan) -> float:
    """Requests that have to be sent and answered; Poisson arrivals may be few by chance."""
    expected = plan.rate * plan.duration_s
    return expected * _RATE_REACHED - 4 * math.sqrt(expected)


def _may_be_own(error: str) -> bool:
    return error.partition(": ")[2].startswith(_OWN_FAULTS)
