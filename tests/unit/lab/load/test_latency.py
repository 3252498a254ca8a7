"""Summaries of samples, and the readers of samples and metrics."""

from pathlib import Path

import msgspec

from lab.load.results.latency import (
    count_errors,
    count_statuses,
    summarise_kind,
    summarise_kinds,
    summarise_seconds,
)
from lab.load.samples import Sample, SampleReader
from lab.load.server_metrics import count_between, parse_tiers
from lab.report.quantiles import quantile

METRICS = """\
# HELP hop_redirects_total Redirects answered.
# TYPE hop_redirects_total counter
hop_redirects_total{tier="memory"} 1200
hop_redirects_total{tier="redis",status="302"} 30.0
hop_redirects_total{tier="redis",status="301"} 1e1
hop_redirects_per_second{tier="memory"} 7
"""


def redirect(due_s: float, response_ms: float, error: str = "", late_ms: float = 0) -> Sample:
    return Sample("redirect", due_s, late_ms, response_ms, 500 if error else 302, error)


def test_quantile_is_a_measured_value_at_every_rank():
    ordered = [float(value) for value in range(1, 1_001)]
    assert [quantile(ordered, each) for each in (500, 990, 999, 1_000)] == [500, 990, 999, 1_000]
    assert quantile([7.0], 1) == 7.0
    assert [quantile(range(10, 101, 10), each) for each in (10, 500, 510, 990)] == [10, 50, 60, 100]
    assert quantile([], 990) == 0.0


def test_errors_are_not_fast_responses():
    samples = [redirect(0.1, 40.0, late_ms=3.0), redirect(0.2, 0.5, error="status 500")]
    found = summarise_kind("redirect", samples, 1)
    assert (found.requests, found.answered, found.errors) == (2, 1, 1)
    assert (found.p50_ms, found.p99_ms, found.service_p99_ms) == (40.0, 40.0, 37.0)
    assert count_errors(samples) == {"redirect: status 500": 1}
    assert count_statuses(samples) == {"302": 1, "500": 1}


def test_response_after_the_end_is_not_throughput():
    found = summarise_kind("redirect", [redirect(0.5, 100.0), redirect(0.9, 200.0)], 1)
    assert (found.answered, found.per_s) == (2, 1.0)


def test_all_redirects_have_a_row_when_there_are_several_kinds():
    viral = Sample("redirect viral", 0.1, 0, 1, 302)
    shorten = Sample("shorten", 0.1, 0, 9, 201)
    rows = {row.kind: row.requests for row in summarise_kinds([redirect(0, 1), viral, shorten], 1)}
    assert rows == {"all redirects": 2, "redirect": 1, "redirect viral": 1, "shorten": 1}
    assert [row.kind for row in summarise_kinds([redirect(0, 1)], 1)] == ["redirect"]


def test_second_without_a_response_has_a_row():
    samples = [redirect(0.2, 5.0), redirect(2.9, 7.0, error="status 500")]
    rows = summarise_seconds(samples, 3)
    assert [(row.due, row.answered, row.errors, row.p99_ms) for row in rows] == [
        (1, 1, 0, 5.0),
        (0, 0, 0, None),
        (1, 0, 1, None),
    ]


def test_stall_lowers_throughput_but_not_the_number_of_requests():
    rows = summarise_seconds([redirect(0.5, 1_700.0), redirect(1.5, 700.0)], 3)
    assert [(row.due, row.answered) for row in rows] == [(1, 0), (1, 0), (0, 2)]
    late = summarise_seconds([redirect(0.5, 9_000.0)], 1)
    assert [(row.due, row.answered, row.max_ms) for row in late] == [(1, 0, 9_000.0)]


def test_half_a_line_is_read_once_it_is_complete(tmp_path: Path):
    file = tmp_path / "samples.jsonl"
    reader = SampleReader(file)
    assert reader.read_new() == []
    lines = [msgspec.json.encode(redirect(number, 1.0)) + b"\n" for number in range(3)]
    file.write_bytes(lines[0] + lines[1][:7])
    assert [sample.due_s for sample in reader.read_new()] == [0]
    file.write_bytes(b"".join(lines))
    assert [sample.due_s for sample in reader.read_new()] == [1, 2]
    assert reader.read_new() == []


def test_tiers_are_counted_between_two_readings():
    before = parse_tiers(METRICS)
    assert before == {"memory": 1_200, "redis": 40}
    after = {"memory": 1_300.0, "redis": 40.0, "postgres": 2.0}
    assert count_between(before, after) == {"memory": 100, "postgres": 2, "redis": 0}
    assert count_between(None, after) is None
    assert parse_tiers("<html>no metrics</html>") is None
