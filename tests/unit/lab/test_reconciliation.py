"""lab.drills.reconciliation: faults are found from what clients saw and hop counted."""

import dataclasses

import pytest

from lab.drills.reconciliation import Counted, Observed, Promise, Reconciliation, reconcile

OBSERVED = Observed(
    answered={"a": 10, "b": 5},
    cut_off={"a": 2},
    errors={},
    refused=0,
    longest_outage_s=0.5,
    links_made=3,
    links_broken=0,
    codes_given_twice=0,
)


def settle(
    counted: Counted, *, redirects_succeed: bool = True, **observed: object
) -> Reconciliation:
    promise = Promise(redirects_succeed=redirects_succeed, most_cut_off=2)
    return reconcile("drill", dataclasses.replace(OBSERVED, **observed), counted, promise)


@pytest.mark.parametrize("counted_cut_off", [0, 1, 2])
def test_drill_passes_when_cut_off_answers_are_counted_or_not(counted_cut_off: int):
    found = settle(Counted({"a": 10 + counted_cut_off, "b": 5}))
    assert (found.lost, found.doubled, found.passed) == (0, 0, True)


def test_clicks_of_one_code_do_not_make_up_for_those_of_another():
    found = settle(Counted({"a": 9, "b": 6}))
    assert (found.answered, found.counted, found.lost, found.doubled) == (15, 15, 1, 1)
    assert found.faults == (
        "1 clicks were lost, 0 were reported as dropped",
        "1 clicks were counted twice",
    )


def test_lost_clicks_are_no_fault_when_exactly_so_many_were_reported_as_dropped():
    assert settle(Counted({"a": 10, "b": 2}, dropped=3)).passed
    assert not settle(Counted({"a": 10, "b": 2}, dropped=2)).passed
    assert not settle(Counted({"a": 10, "b": 5}, dropped=1)).passed


@pytest.mark.parametrize(
    ("observed", "fault"),
    [
        ({"answered": {}, "cut_off": {}}, "no redirect was answered"),
        ({"cut_off": {"a": 3}}, "3 responses were cut off; at most 2 may be"),
        ({"errors": {503: 2}, "refused": 1}, "3 redirects of existing links failed"),
        ({"links_made": 0}, "no link was made"),
        ({"links_broken": 1}, "1 confirmed links lead elsewhere"),
        ({"codes_given_twice": 1}, "1 codes were given twice"),
    ],
)
def test_drill_fails_when_a_promise_is_broken(observed: dict[str, object], fault: str):
    counted = Counted(observed.get("answered", {"a": 10, "b": 5}))
    assert settle(counted, **observed).faults == (fault,)


def test_errors_are_no_fault_when_redirects_may_fail():
    found = settle(Counted({"a": 10, "b": 5}), redirects_succeed=False, errors={503: 2}, refused=1)
    assert found.passed
    assert found.errors == {503: 2}
