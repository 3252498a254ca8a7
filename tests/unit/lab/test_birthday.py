"""The birthday formulas against values computed by hand, and a small experiment."""

import json
import math
import random

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli.keygen.collide import collide
from lab.collisions import birthday
from lab.collisions.birthday_bound import collision_probability, expected_collisions

SMALL = ["--seed", "62", "--codes", "20000"]


@pytest.fixture(autouse=True)
def short_codes(monkeypatch):
    """Without seven characters, whose ten trials are millions of codes on any budget."""
    monkeypatch.setattr(birthday, "LENGTHS", range(3, 5))


def test_probability_when_23_people_share_365_days_is_about_one_half():
    exact = 1 - math.prod((365 - day) / 365 for day in range(23))
    assert exact == pytest.approx(0.5073, abs=1e-4)
    assert collision_probability(23, 365) == pytest.approx(exact, abs=0.01)


def test_probability_of_seven_characters_is_known():
    # 2,208,000 codes = 1.1774 * sqrt(62^7): one half, since 1.1774 = sqrt(2 ln 2).
    assert collision_probability(2_209_500, 62**7) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(("codes", "expected"), [(0, 0.0), (1, 0.0), (366, 1.0)])
def test_probability_at_the_limits_is_0_or_1(codes, expected):
    assert collision_probability(codes, 365) == expected


def test_expected_collisions_are_those_of_all_outcomes():
    # All 4^3 ways to draw three of four codes.
    draws = [(a, b, c) for a in range(4) for b in range(4) for c in range(4)]
    mean = sum(3 - len(set(draw)) for draw in draws) / len(draws)
    assert expected_collisions(3, 4) == pytest.approx(mean)


@given(st.integers(2, 62**11), st.floats(1e-7, 1e-5))
def test_expected_collisions_are_continuous_where_the_formula_changes(space, density):
    codes = round(space * density)
    pairs = codes * (codes - 1) / (2 * space)
    assert expected_collisions(codes, space) == pytest.approx(pairs, rel=1e-4, abs=1e-6 * codes)


@given(st.lists(st.lists(st.integers(0, 50), max_size=30), max_size=5))
def test_count_of_chunks_is_that_of_all_codes(chunks):
    whole = [code for chunk in chunks for code in chunk]
    counts = birthday.count_collisions(iter(chunks))
    assert (counts or [0])[-1] == len(whole) - len(set(whole))
    assert counts == sorted(counts)


def test_codes_are_uniform_in_their_space():
    space = 62**3
    for codes in (
        birthday.random_codes(3, 20_000, random.Random(1)),
        birthday.hash_codes(3, range(20_000), "test"),
    ):
        assert len(codes) == 20_000
        assert 0 <= min(codes) < space * 0.01
        assert space * 0.99 < max(codes) < space
        assert sum(codes) / len(codes) == pytest.approx(space / 2, rel=0.02)


def test_plan_when_the_budget_is_small_leaves_out_large_numbers():
    numbers, trials = birthday.plan_trials(7, 10_000_000)
    assert numbers == [round(62**3.5 / 4), round(62**3.5 / 2)]
    assert trials == birthday.FEWEST_TRIALS
    assert birthday.plan_trials(3, 10_000_000)[1] == birthday.MOST_TRIALS


def test_measurement_when_repeated_with_its_seed_is_equal():
    found = birthday.measure(seed=62, budget=20_000)
    assert found == birthday.measure(seed=62, budget=20_000)
    assert found != birthday.measure(seed=63, budget=20_000)


def test_measurements_mostly_agree_with_the_formulas():
    found = [each for seed in range(10) for each in birthday.measure(seed=seed, budget=100_000)]
    # Two conditions of two standard errors each: nine in ten or better, if the formulas are right.
    assert sum(each.agrees for each in found) > 0.85 * len(found)


def test_progress_adds_up_to_the_total():
    steps: list[int] = []
    birthday.measure(seed=1, budget=20_000, on_progress=steps.append)
    assert sum(steps) == birthday.codes_to_make(20_000)


def test_command_with_json_prints_nothing_else():
    result = CliRunner().invoke(collide, [*SMALL, "--json"])
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert answer["seed"] == 62
    assert {each["kind"] for each in answer["measurements"]} == {"random", "hash"}


def test_command_with_report_writes_three_files(tmp_path):
    result = CliRunner().invoke(collide, [*SMALL, "--report", str(tmp_path / "new")])
    assert result.exit_code == 0
    assert "points agree" in result.stdout
    page, table, numbers = (
        (tmp_path / "new" / f"collide.{ending}").read_text(encoding="utf-8")
        for ending in ("html", "csv", "json")
    )
    assert page.count("<svg") == 2
    assert table.startswith("kind,length,codes,trials,collided")
    assert len(json.loads(numbers)) == len(table.splitlines()) - 1


def test_command_when_the_report_cannot_be_written_fails_before_measuring(tmp_path, monkeypatch):
    monkeypatch.delattr(birthday, "measure")
    file = tmp_path / "file"
    file.touch()
    result = CliRunner().invoke(collide, ["--report", str(file / "below")])
    assert result.exit_code == 2
    assert "Not a directory" in result.output
