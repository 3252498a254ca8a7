"""The benchmark's arithmetic: medians and ratios over rounds."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import bench
from bench.benchmark import Options
from bench.http.figures import describe_points, share_of
from bench.http.point import Point
from bench.http.subjects import GOALS, list_subjects
from bench.machine import Cores, split_cores
from bench.report import as_markdown
from lab.report.tables import Table

HOT, EMPTY = ("hop hot", "gunicorn"), ("empty app", "gunicorn")
APART = Cores(frozenset({1}), frozenset({0}))


def point(number: int, subject: tuple[str, str], per_s: float, busy: float = 1.0) -> Point:
    cpu_s = {"web": 1.0, "redis": 0.5}
    return Point(number, *subject, 1_000, per_s, 1.0, 2.0, 0, 0, busy, cpu_s, 1_003)


def test_share_when_a_round_is_slow_for_all_is_the_median_of_the_rounds():
    points = [point(number, EMPTY, per_s) for number, per_s in enumerate([1_000, 100, 900])]
    points += [point(number, HOT, per_s) for number, per_s in enumerate([900, 90, 810])]
    assert share_of(points, HOT, EMPTY) == pytest.approx(0.9)


def test_share_when_one_subject_is_missing_is_none():
    assert share_of([point(0, HOT, 5.0)], HOT, EMPTY) is None
    assert share_of([point(0, HOT, 5.0), point(1, EMPTY, 5.0)], HOT, EMPTY) is None


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)), min_size=1, max_size=9))
def test_share_of_any_rounds_lies_between_their_least_and_greatest(rounds):
    points = [point(n, HOT, ours) for n, (ours, _) in enumerate(rounds)]
    points += [point(n, EMPTY, theirs) for n, (_, theirs) in enumerate(rounds)]
    shares = [ours / theirs for ours, theirs in rounds]
    assert min(shares) <= share_of(points, HOT, EMPTY) <= max(shares)


def test_results_when_described_name_goals_clicks_and_idle_servers():
    points = [point(0, EMPTY, 1_000.0), point(0, HOT, 800.0, busy=0.5)]
    found = describe_points(points, Options(APART, 1, 1, full=False), expected=2_000, counted=2_007)
    assert found.table.rows[1][-3:] == ("0.80", "-", "50% *")
    assert "2,007 clicks counted of 2,000" in "\n".join(found.notes)
    goals = [note for note in found.notes if note.startswith("Goal")]
    assert len(goals) == 1
    assert goals[0].endswith("0.85 of empty app (gunicorn): 0.80, missed.")
    assert found.measured.figures[1].cpu_us == {"web": 1_000, "redis": 500}


def test_goals_name_subjects_that_are_measured():
    measured = {
        (each.name, each.server) for each in list_subjects(["nginx", "gunicorn", "granian"])
    }
    assert {name for goal in GOALS for name in (goal.subject, goal.beside)} <= measured


def test_cores_when_there_are_several_are_apart():
    cores = split_cores()
    assert cores.server
    assert cores.are_apart == (len(cores.server | cores.others) > 1)
    assert not Cores(frozenset({0}), frozenset({0})).are_apart


def test_markdown_aligns_numbers_right():
    table = Table(("asked", "per s"), [("hop hot", 5_000), ("empty", 12.5)])
    assert as_markdown(table) == (
        "| asked | per s |\n| --- | ---: |\n| hop hot | 5,000 |\n| empty | 12.5 |"
    )


def test_benchmark_when_unknown_is_refused_by_name():
    result = CliRunner().invoke(bench, ["--only", "http,speed"])
    assert result.exit_code == 2
    assert "speed: expected some of codes, parts, clicks" in result.output
