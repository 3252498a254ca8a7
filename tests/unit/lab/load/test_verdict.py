"""lab.load.results.verdict: PASS, FAIL or INCONCLUSIVE."""

from lab.load.plan import LoadPlan
from lab.load.results.latency import summarise_kind
from lab.load.results.verdict import Verdict, judge
from lab.load.samples import Sample

PLAN = LoadPlan(rate=100, duration_s=10, p99_ms=50)


def verdict(
    service_ms: float = 4.0,
    late_ms: float = 0.1,
    *,
    sent: int = 1_000,
    errors: dict[str, int] | None = None,
    cpu: float = 0.3,
) -> Verdict:
    """The verdict on a run in which every request took the same time."""
    errors = errors or {}
    samples = [
        Sample(
            kind="redirect",
            due_s=number / 100,
            start_delay_ms=late_ms,
            response_ms=late_ms + service_ms,
            status=302,
            error="wrong" if number < sum(errors.values()) else "",
        )
        for number in range(sent)
    ]
    return judge(PLAN, summarise_kind("redirect", samples, 10), errors, cpu)


def test_pass_names_p99_and_limit():
    assert verdict() == Verdict("PASS", "PASS p99 4.1 ms < 50 ms at 100/s")


def test_one_error_in_a_thousand_is_within_the_required_availability():
    assert verdict(errors={"redirect: status 503": 1}).outcome == "PASS"
    failed = verdict(errors={"redirect: status 503": 2})
    assert failed.line == "FAIL 2 errors, most of them redirect: status 503 at 100/s"


def test_slow_hop_fails_when_the_generator_is_in_time():
    assert verdict(60.0).line == "FAIL p99 60.1 ms, not under 50 ms at 100/s"
    assert verdict(50.0, 0.0).outcome == "FAIL"  # under means under


def test_generator_is_the_limit_when_hop_alone_was_fast_enough():
    found = verdict(20.0, 40.0)
    assert found.outcome == "INCONCLUSIVE"
    assert "hop took 20.0 ms (p99), sends were 40.0 ms late" in found.line


def test_generator_is_the_limit_when_it_is_late_everywhere():
    assert verdict(60.0, 40.0).outcome == "INCONCLUSIVE"
    assert verdict(60.0, cpu=0.99).outcome == "INCONCLUSIVE"
    late_faults = {"redirect: gave up: too many in flight": 100}
    assert verdict(60.0, 40.0, errors=late_faults).outcome == "INCONCLUSIVE"


def test_late_generator_excuses_no_wrong_response_and_spoils_no_pass():
    assert verdict(4.0, 30.0).outcome == "PASS"  # the sum is under the limit all the same
    assert verdict(4.0, cpu=1.0).outcome == "PASS"
    assert verdict(4.0, 60.0, errors={"redirect: status 500": 500}).outcome == "FAIL"


def test_generator_is_the_limit_when_it_sends_too_little():
    found = verdict(sent=700)
    assert found.outcome == "INCONCLUSIVE"
    assert "it sent 70/s of 100/s" in found.line
    assert verdict(sent=0).outcome == "INCONCLUSIVE"


def test_rate_is_not_reached_when_responses_come_after_the_end():
    plan_of_slow = verdict(4_000.0)
    assert plan_of_slow.outcome == "FAIL"
    assert "rate not reached: 60/s answered in time" in plan_of_slow.line
