"""lab.drills.reconciliation finds faults in what clients saw and hop counted."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

import pytest

from lab.drills.reconciliation import Promise, Reconciliation, reconcile
from lab.drills.traffic.redirects import RedirectRecord
from lab.drills.traffic.shortens import ShortenRecord

REDIRECTS = RedirectRecord(answered=Counter({"a": 10, "b": 5}), cut_off=Counter({"a": 2}))
SHORTENS = ShortenRecord(created=3)


def run(
    clicks: Mapping[str, int],
    *,
    dropped: int = 0,
    redirects: RedirectRecord = REDIRECTS,
    shortens: ShortenRecord = SHORTENS,
    redirects_succeed: bool = True,
) -> Reconciliation:
    promise = Promise(redirects_succeed=redirects_succeed, most_cut_off=2)
    return reconcile("drill", redirects, shortens, clicks=clicks, dropped=dropped, promise=promise)


@pytest.mark.parametrize("counted_cut_off", [0, 1, 2])
def test_drill_passes_whether_cut_off_responses_are_counted_or_not(counted_cut_off: int):
    result = run({"a": 10 + counted_cut_off, "b": 5})
    assert (result.lost, result.doubled, result.passed) == (0, 0, True)


def test_clicks_of_one_code_do_not_make_up_for_those_of_another():
    result = run({"a": 9, "b": 6})
    assert (result.answered, result.counted, result.lost, result.doubled) == (15, 15, 1, 1)
    assert result.faults == (
        "1 clicks were lost, 0 were reported as dropped",
        "1 clicks were counted twice",
    )


def test_lost_clicks_are_no_fault_when_exactly_as_many_were_reported_as_dropped():
    assert run({"a": 10, "b": 2}, dropped=3).passed
    assert not run({"a": 10, "b": 2}, dropped=2).passed
    assert not run({"a": 10, "b": 5}, dropped=1).passed


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"cut_off": Counter({"a": 3})}, "3 responses were cut off; at most 2 may be"),
        ({"errors": Counter({503: 2}), "refused": 1}, "3 redirects of existing links failed"),
    ],
)
def test_drill_fails_when_redirects_break_a_promise(changes: dict[str, object], fault: str):
    redirects = dataclasses.replace(REDIRECTS, **changes)
    assert run({"a": 10, "b": 5}, redirects=redirects).faults == (fault,)


def test_drill_fails_when_nothing_was_redirected():
    assert run({}, redirects=RedirectRecord()).faults == ("no redirect was answered",)


@pytest.mark.parametrize(
    ("shortens", "fault"),
    [
        (ShortenRecord(), "no link was made"),
        (ShortenRecord(1, broken=["c"]), "1 confirmed links lead elsewhere"),
        (ShortenRecord(1, given_twice=["c"]), "1 codes were given twice"),
    ],
)
def test_drill_fails_when_links_break_a_promise(shortens: ShortenRecord, fault: str):
    assert run({"a": 10, "b": 5}, shortens=shortens).faults == (fault,)


def test_errors_are_no_fault_when_redirects_may_fail():
    redirects = dataclasses.replace(REDIRECTS, errors=Counter({503: 2}), refused=1)
    result = run({"a": 10, "b": 5}, redirects=redirects, redirects_succeed=False)
    assert result.passed
    assert result.errors == {503: 2}
