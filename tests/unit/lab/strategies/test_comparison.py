"""The statistics of the comparison, its progress file, and its page."""

import json
from array import array

import pytest

from lab.report.progress import Progress, kept_in_file
from lab.report.run_facts import RunFacts
from lab.strategies.clock_steps import run_cases
from lab.strategies.comparison.report import code_table, render_report
from lab.strategies.comparison.result import StrategyResult, latency_us, rate_per_s
from lab.strategies.makers.maker import MakerOutput

FACTS = RunFacts(commit="abc1234", postgres="18.4", processes=4, codes=1000, duration_s=60.0)


def maker_output(codes: int, began_ns: int, ended_ns: int, *latencies_ns: int) -> MakerOutput:
    return MakerOutput(["0000000"] * codes, began_ns, ended_ns, array("q", latencies_ns), 0)


def strategy_result(**changes) -> StrategyResult:
    values = {
        "strategy": "permuted", "codes": 10, "codes_per_s": 1e5, "links": 10, "links_per_s": 2e3,
        "round_trips_per_code": 0.001, "p50_us": 4.5, "p99_us": 16.0, "collisions": 0,
        "most_retries": 0, "duplicates": 0, "length": 7, "wasted_per_crash": 7e3, "guesses": 100,
        "hits": 0, "guessable": 0.0, "density": 1e-9, "blind": True,
    }  # fmt: skip
    return StrategyResult(**(values | changes))


def test_rate_spans_the_first_start_to_the_last_end():
    both = [maker_output(30, 0, 10**9), maker_output(50, 10**9, 2 * 10**9)]
    assert rate_per_s(both) == pytest.approx(40)


def test_latency_covers_the_codes_of_all_processes():
    p50_us, p99_us = latency_us([maker_output(2, 0, 1, 1_000, 3_000), maker_output(1, 0, 1, 9_000)])
    assert (p50_us, p99_us) == (3, 9)


def test_progress_when_the_run_ends_is_finished(tmp_path):
    with kept_in_file(tmp_path) as keep:
        keep(Progress("range", "links", 3, 8))
        assert json.loads((tmp_path / "progress.json").read_text())["step"] == 3
    told = json.loads((tmp_path / "progress.json").read_text())
    assert told == {
        "strategy": "range", "doing": "", "step": 8, "of": 8, "finished": True, "error": None,
    }  # fmt: skip
    assert [file.name for file in tmp_path.iterdir()] == ["progress.json"]


def test_progress_when_the_run_fails_has_the_error(tmp_path):
    def fail() -> None:
        with kept_in_file(tmp_path) as keep:
            keep(Progress("range", "links", 3, 8))
            raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"):
        fail()
    told = json.loads((tmp_path / "progress.json").read_text())
    assert (told["finished"], told["error"], told["step"]) == (True, "disk is full", 3)


def test_table_when_no_guess_hits_shows_their_number():
    assert "0 of 100" in code_table([strategy_result()]).as_text()
    assert "25 %" in code_table([strategy_result(hits=25, guessable=0.25)]).as_text()
    page = render_report(
        [strategy_result(), strategy_result(strategy="random", wasted_per_crash=None)], FACTS
    )
    assert "abc1234" in page
    assert "No duplicate got through." in page


def test_page_when_a_duplicate_got_through_says_so():
    page = render_report([strategy_result(duplicates=2)], FACTS)
    assert "permuted: 2 duplicates got through" in page


def test_snowflakes_when_clocks_step_back_repeat_only_if_naive():
    found = run_cases()
    assert all(each.naive_duplicates > 0 for each in found)
    assert all(each.duplicates == 0 for each in found)
    small, large, beyond, taken_over, used_up = found
    assert (small.worker_ids, small.waited_ms > 0) == (1, True)
    assert large.worker_ids == taken_over.worker_ids == beyond.worker_ids == 2
    assert used_up.refused > 0
    assert all(each.codes + each.refused == each.naive_codes for each in found)
