"""lab.drills.reconciliation: what clients saw beside what was counted."""

import dataclasses

import pytest

from lab.drills.reconciliation import Counts, Promise, Reconciliation, Seen, reconcile

SEEN = Seen(
    answered={"a": 10, "b": 5},
    cut_off={"a": 2},
    errors={},
    refused=0,
    longest_outage_s=0.5,
    links_made=3,
    links_broken=0,
    codes_given_twice=0,
)


def settle(counts: Counts, *, redirects_go_on: bool = True, **seen: object) -> Reconciliation:
    promise = Promise(redirects_go_on=redirects_go_on, most_cut_off=2)
    return reconcile("drill", dataclasses.replace(SEEN, **seen), counts, promise)


@pytest.mark.parametrize("counted_cut_off", [0, 1, 2])
def test_drill_passes_when_cut_off_answers_are_counted_or_not(counted_cut_off: int):
    found = settle(Counts({"a": 10 + counted_cut_off, "b": 5}))
    assert (found.lost, found.doubled, found.passed) == (0, 0, True)


def test_clicks_of_one_code_do_not_make_up_for_those_of_another():
    found = settle(Counts({"a": 9, "b": 6}))
    assert (found.answered, found.counted, found.lost, found.doubled) == (15, 15, 1, 1)
    assert found.faults == (
        "1 clicks are lost, 0 were reported as dropped",
        "1 clicks were counted twice",
    )


def test_lost_clicks_are_no_fault_when_exactly_so_many_were_reported_as_dropped():
    assert settle(Counts({"a": 10, "b": 2}, dropped=3)).passed
    assert not settle(Counts({"a": 10, "b": 2}, dropped=2)).passed
    assert not settle(Counts({"a": 10, "b": 5}, dropped=1)).passed


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        ({"answered": {}, "cut_off": {}}, "no redirect was answered"),
        ({"cut_off": {"a": 3}}, "3 answers were cut off, of at most 2"),
        ({"errors": {503: 2}, "refused": 1}, "3 requests for known links failed"),
        ({"links_made": 0}, "no link was made"),
        ({"links_broken": 1}, "1 acknowledged links lead elsewhere"),
        ({"codes_given_twice": 1}, "1 codes were given twice"),
    ],
)
def test_drill_fails_when_a_promise_is_not_kept(seen: dict[str, object], fault: str):
    counts = Counts(seen.get("answered", {"a": 10, "b": 5}))
    assert settle(counts, **seen).faults == (fault,)


def test_errors_are_no_fault_when_the_drill_does_not_promise_otherwise():
    found = settle(Counts({"a": 10, "b": 5}), redirects_go_on=False, errors={503: 2}, refused=1)
    assert found.passed
    assert found.errors == {503: 2}
