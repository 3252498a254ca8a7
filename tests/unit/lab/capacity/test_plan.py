"""The capacity plan against docs/design.md, values computed by hand, and brute force."""

import dataclasses
import json
import math
import re

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.benchmark import Options
from bench.facts import BenchFacts
from bench.http.figures import describe_points
from bench.http.point import Point
from bench.http.subjects import list_subjects
from bench.machine import Cores
from bench.report import write_files
from cli.estimate import estimate
from lab.capacity.costs import DEFAULTS, Cost, Costs, MeasuredFileError, read_costs
from lab.capacity.machines import split_reads
from lab.capacity.numbers import parse_number, say_bytes, say_number
from lab.capacity.plan import plan_capacity
from lab.capacity.workload import SCALES, Workload
from lab.capacity.zipf import distinct_links, harmonic, hottest_for, share_of_hottest

exponents = st.floats(0, 3)
workloads = st.builds(
    Workload,
    links_per_day=st.floats(1, 1e10),
    reads_per_write=st.floats(0.1, 1e4),
    years=st.floats(0.1, 50),
    bytes=st.floats(10, 1e4),
    peak=st.floats(1, 20),
    hit_rate=st.floats(0.01, 0.99),
    zipf=exponents,
)


def values(load: Workload, costs: Costs = DEFAULTS) -> dict[str, float]:
    figures = [each for part in plan_capacity(load, costs) for each in part.figures]
    assert len({each.name for each in figures}) == len(figures)
    return {each.name: each.value for each in figures}


def test_plan_of_the_internet_scale_has_the_numbers_of_the_design():
    found = values(SCALES["internet"])
    assert found["writes"] == pytest.approx(1_160, rel=0.005)
    assert found["reads"] == pytest.approx(116_000, rel=0.005)
    assert found["links"] == 182.5e9
    assert found["rows_bytes"] == pytest.approx(18e12, rel=0.02)
    assert found["code_length"] == 7
    assert found["code_margin"] == pytest.approx(19.3, abs=0.01)
    assert found["ranges"] == pytest.approx(0.347, abs=1e-3)  # 3 x 1,157 / 10,000


def test_plan_of_the_regional_scale_has_the_numbers_of_the_design():
    found = values(SCALES["regional"])
    assert found["links"] == pytest.approx(6e9)
    assert found["rows_bytes"] == pytest.approx(3e12)
    assert found["writes"] == pytest.approx(40, rel=0.06)
    assert found["writes_peak"] == pytest.approx(120, rel=0.06)
    assert found["reads"] == pytest.approx(400, rel=0.06)
    assert found["reads_peak"] == pytest.approx(1_200, rel=0.06)
    assert found["hit_rate_1000000"] == pytest.approx(0.623, abs=1e-3)


def test_plan_of_the_team_scale_has_the_numbers_of_the_design():
    found = values(SCALES["team"])
    assert found["links"] == pytest.approx(10e6)
    assert found["rows_bytes"] == pytest.approx(2.5e9)
    assert found["writes_peak"] == pytest.approx(1, rel=0.05)
    assert found["reads_peak"] == pytest.approx(10, rel=0.05)


def test_cache_of_the_design_needs_a_steep_popularity():
    """Its 200 million links get 90 % of reads with an exponent of 1.1, but 74 % with 1."""
    assert share_of_hottest(200e6, 182.5e9, 1.1) > 0.9
    assert share_of_hottest(200e6, 182.5e9, 1.0) == pytest.approx(0.743, abs=1e-3)
    # H(n) is about ln n + 0.5772 for s = 1: ln k = 0.9 (ln 182.5e9 + 0.5772) - 0.5772
    by_hand = math.exp(0.9 * (math.log(182.5e9) + 0.57722) - 0.57722)
    assert values(SCALES["internet"])["cached_links"] == pytest.approx(by_hand, rel=1e-4)


def test_bytes_are_those_computed_by_hand():
    load = Workload(86_400 * 10, reads_per_write=100, years=2, bytes=300, peak=3)
    found = values(load)
    links = 864_000 * 365 * 2
    assert found["storage_bytes"] == 2 * links * (300 + 29)  # a primary and a standby
    assert found["bits_in"] == 3_000 * 500 * 8
    assert found["bits_out"] == 3_000 * (200 + 300) * 8
    assert found["journal_bytes"] == 1_000 * 180 * 86_400
    assert found["stream_bytes"] == 3_000 * 180 / 8
    assert found["hour_rows"] == 24 * distinct_links(3_600_000, links, 1.0)
    assert found["redis_bytes"] == found["cached_links"] * (300 + 160)
    assert found["redis_nodes"] == math.ceil(found["redis_bytes"] / 32e9)
    assert found["rule_of_thumb_bytes"] == 0.2 * links * 300


def test_machines_are_those_computed_by_hand():
    load = Workload(86_400 * 10, reads_per_write=100, peak=2, hit_rate=0.9)
    hot, cached, uncached = split_reads(load)
    assert hot + cached + uncached == pytest.approx(1)
    costs = Costs("", Cost(web=100, redis=1), Cost(web=500, redis=20), Cost(700, 9, 80), Cost(900))
    found = values(load, costs)
    web = 2_000 * (hot * 100 + cached * 500 + 0.1 * 700) + 20 * 900
    assert found["web_cores"] == pytest.approx(web / 1e6 / 0.6)
    assert found["web_processes"] == math.ceil(found["web_cores"])
    assert found["postgres_cores"] == pytest.approx(2_000 * 0.1 * 80 / 1e6 / 0.6)
    assert found["worker_cores"] == 0


@given(st.floats(0, 5_000), exponents)
def test_harmonic_is_the_sum_of_its_terms(n, s):
    whole = math.floor(n)
    expected = math.fsum(rank**-s for rank in range(1, whole + 1))
    assert harmonic(whole, s) == pytest.approx(expected, rel=1e-10)
    assert harmonic(whole, s) <= harmonic(n, s) * (1 + 1e-12)


@given(st.floats(0.001, 0.999), st.integers(1, 3_000), exponents)
def test_hottest_for_is_the_smallest_sufficient_number(hit_rate, links, s):
    hottest = hottest_for(hit_rate, links, s)
    assert share_of_hottest(hottest, links, s) >= hit_rate - 1e-12
    assert share_of_hottest(hottest - 1, links, s) <= hit_rate + 1e-12


@given(st.floats(1, 1e5), st.integers(1, 6_000), st.floats(0, 2))
def test_distinct_links_are_nearly_the_sum_over_all_links(reads, links, s):
    total = harmonic(links, s)
    one_by_one = sum(-math.expm1(-reads * rank**-s / total) for rank in range(1, links + 1))
    assert distinct_links(reads, links, s) == pytest.approx(min(one_by_one, reads), rel=1e-3)


@given(workloads, st.floats(1, 100))
def test_plan_when_demand_grows_never_shrinks(load, factor):
    costs = Costs("", Cost(100, 1, 1, 4), Cost(500, 20, 1, 4), Cost(700, 9, 80, 4), Cost(900))
    more = dataclasses.replace(load, links_per_day=load.links_per_day * factor)
    lesser, greater = values(load, costs), values(more, costs)
    for name in lesser.keys() & greater.keys():
        if name != "code_margin" and not name.startswith(("hot_share", "hit_rate")):
            assert greater[name] >= lesser[name] * (1 - 1e-6), name


@given(workloads, st.floats(0, 1))
def test_cache_when_the_hit_rate_grows_never_shrinks(load, share):
    more = dataclasses.replace(load, hit_rate=load.hit_rate + (0.999 - load.hit_rate) * share)
    assert values(more)["cached_links"] >= values(load)["cached_links"]
    assert values(more)["redis_nodes"] >= 0


@given(workloads)
def test_formulas_contain_finite_numbers(load):
    for part in plan_capacity(load, DEFAULTS):
        for figure in part.figures:
            assert "nan" not in figure.formula
            assert "inf" not in figure.formula
            assert figure.value >= 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100M", 100e6),
        ("5k", 5_000),
        ("1_000", 1_000),
        ("1,000", 1_000),
        ("2.5e6", 2.5e6),
        ("1.5B", 1.5e9),
        ("3G", 3e9),
        ("2 t", 2e12),
        ("0.9", 0.9),
    ],
)
def test_parse_number_accepts_units_and_separators(text, number):
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "M", "-5", "5q", "1..2", "nan", "inf", "1e999", "5kM", "0x5"])
def test_parse_number_when_the_text_is_not_a_number_raises(text):
    with pytest.raises(ValueError, match=r"is not a number|too large"):
        parse_number(text)


def test_numbers_are_formatted_for_people():
    assert (say_number(100e6), say_number(1_157.4), say_number(0.01157)) == (
        "100,000,000",
        "1,157",
        "0.0116",
    )
    assert (say_bytes(18.25e12), say_bytes(500e6), say_bytes(12)) == ("18.2 TB", "500 MB", "12 B")


def test_costs_when_from_a_load_test_are_means_per_redirect(tmp_path):
    file = tmp_path / "load.json"
    cpu_s = {"web": 30.0, "postgres": 2.0, "redis": 1.0, "worker": 0.5}
    told = {"kind": "hop-load", "cpu_s": cpu_s, "redirects": 100_000, "shortens": 10_000}
    file.write_text(json.dumps(told | {"verdict": "PASS"}))
    costs = read_costs(file)
    assert costs.hot == costs.uncached == Cost(web=300, redis=10, postgres=20, worker=5)
    assert costs.shorten == Cost()
    assert "10,000 shortens" in costs.source


def test_costs_when_from_the_bench_are_those_of_each_tier(tmp_path):
    parts = ("web", "redis", "postgres", "worker")
    of_tier = {
        "hop hot": (100, 3, 5, 20),
        "hop, Redis": (500, 40, 80, 100),
        "hop, Postgres": (600, 1, 90, 0),
        "hop shorten": (900, 50, 200, 0),
    }
    points = []
    for each in list_subjects(["gunicorn"]):
        used_us = of_tier.get(each.name, (9, 9, 9, 9))
        cpu_s = {part: us / 1_000 for part, us in zip(parts, used_us, strict=True)}  # of 1,000
        points.append(Point(0, each.name, "gunicorn", 1_000, 9, 1, 2, 0, 0, 1.0, cpu_s, 1))
    plan = Options(Cores(frozenset({1}), frozenset({0})), 1, 1, full=False)
    found = describe_points(points, plan, expected=1, counted=1)
    facts = BenchFacts("", "", "", 2, True, 1, 1, False, {})
    costs = read_costs(write_files(tmp_path, facts, {"http": found})[0])
    assert costs.hot == Cost(100, 3, 80, 100)  # clicks of many links, not of one
    assert costs.cached == Cost(500, 40, 80, 100)
    assert costs.uncached == Cost(600, 40, 90 + 80, 100)  # without Redis no click was counted
    assert costs.shorten == Cost(900, 50, 200, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not a file of hop load or hop bench"),
        ('{"kind": "hop-party"}', "Invalid value 'hop-party'"),
        ('{"kind": "hop-load", "cpu_s": {}, "redirects": 0}', "no redirect was measured"),
        ('{"kind": "hop-bench", "sections": {}}', "hop bench --only http"),
    ],
)
def test_measured_file_when_invalid_is_refused_with_the_reason(tmp_path, content, said):
    file = tmp_path / "measured.json"
    file.write_text(content)
    with pytest.raises(MeasuredFileError, match=said):
        read_costs(file)
    result = CliRunner().invoke(estimate, ["--measured", str(file)])
    assert (result.exit_code, said in result.output) == (1, True)
    missing = CliRunner().invoke(estimate, ["--measured", str(tmp_path / "missing")])
    assert "No such file" in missing.output


def test_command_prints_every_formula():
    result = CliRunner().invoke(estimate, ["--links-per-day", "100M", "--reads-per-write", "100"])
    assert result.exit_code == 0
    assert "100,000,000 links/day / 86,400 s = 1,157/s" in result.output
    assert DEFAULTS.source in result.output
    assert re.search(r"web cores +\(347,222/s x \(45\.6 %", result.output)


def test_command_with_json_prints_numbers_and_formulas():
    arguments = ["--scale", "internet", "--bytes", "500", "--json"]
    result = CliRunner().invoke(estimate, arguments)
    told = msgspec.json.decode(result.output)
    assert told["workload"]["bytes"] == 500
    assert told["workload"]["reads_per_write"] == 100
    assert told["parts"][1]["figures"][1]["name"] == "rows_bytes"
    assert told["parts"][1]["figures"][1]["value"] == 182.5e9 * 500


@pytest.mark.parametrize(
    ("option", "value"),
    [("--years", "0"), ("--hit-rate", "1"), ("--links-per-day", "many"), ("--zipf", "-1")],
)
def test_command_when_a_number_is_out_of_bounds_names_the_option(option, value):
    result = CliRunner().invoke(estimate, [option, value])
    assert result.exit_code == 2
    assert option in result.output
