"""Small comparisons, crashes and clock steps through the command line."""

import csv
import json

import pytest
from click.testing import CliRunner

from cli.keygen.command import keygen
from lab import experiments
from lab.strategies.comparison.compare import STRATEGIES, ComparisonSettings
from lab.strategies.makers.maker import Maker, MakerTask
from lab.strategies.makers.processes import MakerError, run_makers

CODES = 4_000


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The directory that one comparison of all strategies wrote."""
    directory = tmp_path_factory.mktemp("compare")
    arguments = ["compare", "--codes", str(CODES), "--processes", "2", "--report", str(directory)]
    result = CliRunner().invoke(keygen, arguments)
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in STRATEGIES)
    return directory


@pytest.fixture(scope="module")
def rows(report):
    told = json.loads((report / "compare.json").read_text(encoding="utf-8"))
    assert told["facts"]["processes"] == 2
    assert told["facts"]["postgres"].startswith("18.")
    return {row["strategy"]: row for row in told["rows"]}


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategy_when_compared_has_no_duplicates(rows, name):
    row = rows[name]
    assert row["duplicates"] == 0
    assert row["length"] == (11 if name == "snowflake" else 7)
    assert 0 < row["links"] <= CODES
    assert 0 < row["p50_us"] <= row["p99_us"]


def test_round_trips_when_counted_are_as_designed(rows):
    trips = {name: row["round_trips_per_code"] for name, row in rows.items()}
    assert trips["counter"] == trips["stride"] == 1
    assert 0 < trips["range"] < 0.01
    assert 0 < trips["permuted"] < 0.01
    assert trips["random"] == trips["hash"] == 0
    assert 1 <= trips["pool"] < 1.5
    assert trips["snowflake"] == 2 / CODES  # a lease for each process


def test_collisions_when_targets_repeat_happen_to_hash_alone(rows):
    # The second of every ten targets repeats the first; two processes may stop at any of them.
    assert 0 <= rows["hash"]["collisions"] - rows["hash"]["links"] // 10 <= 2
    assert all(row["collisions"] == 0 for name, row in rows.items() if name != "hash")


def test_guesses_hit_only_when_codes_have_an_order(rows):
    assert all(rows[name]["guessable"] > 0.5 for name in ("counter", "range", "stride"))
    assert all(rows[name]["blind"] for name in ("permuted", "random", "hash", "pool"))


def test_crash_wastes_ids_only_when_a_strategy_has_ranges(rows):
    wasted = {name: row["wasted_per_crash"] for name, row in rows.items()}
    assert 1_000 < wasted["range"] < 13_000
    assert 1_000 < wasted["permuted"] < 13_000
    assert all(0 <= wasted[name] <= 1 for name in ("counter", "stride", "pool"))
    assert all(wasted[name] is None for name in ("random", "hash", "snowflake"))


def test_report_when_the_run_ends_is_complete(report):
    assert "<svg" in (report / "compare.html").read_text(encoding="utf-8")
    with (report / "compare.csv").open(encoding="utf-8") as file:
        assert [row["strategy"] for row in csv.DictReader(file)] == list(STRATEGIES)


def test_compare_when_a_strategy_is_unknown_lists_the_known_ones():
    result = CliRunner().invoke(keygen, ["compare", "--strategies", "range,uuid"])
    assert result.exit_code == 2
    assert "uuid: expected some of counter, range" in result.output


def test_compare_when_a_duplicate_got_through_ends_with_status_1(monkeypatch, tmp_path):
    original = experiments.compare_strategies

    def broken(servers, plan, on_progress):
        (found,) = original(servers, plan, on_progress)
        object.__setattr__(found, "duplicates", 3)
        return [found]

    monkeypatch.setattr(experiments, "compare_strategies", broken)
    arguments = ["compare", "--strategies", "random", "--codes", "200", "--report", str(tmp_path)]
    result = CliRunner().invoke(keygen, arguments)
    assert result.exit_code == 1
    assert "duplicates got through: random" in result.output


def test_run_makers_when_the_database_is_down_raises():
    tasks = [
        MakerTask("postgresql://hop@/x?host=/nowhere", "counter", 7, n, 10, 1.0) for n in range(2)
    ]
    with pytest.raises(MakerError, match="strategy counter: "):
        run_makers(Maker.make_codes, tasks)


def test_quotas_when_codes_do_not_divide_add_up():
    tasks = ComparisonSettings(codes=10, processes=3).tasks("", "range", 1.0)
    assert [task.quota for task in tasks] == [4, 3, 3]


def test_crash_when_ranges_are_larger_wastes_more():
    arguments = ["crash", "--range-size", "100", "--range-size", "10000", "--kills", "3"]
    result = CliRunner().invoke(keygen, [*arguments, "--seed", "1", "--json"])
    assert result.exit_code == 0, result.output
    small, large = json.loads(result.output)["sizes"]
    assert 0 <= small["least"] <= small["most"] <= 200
    assert 1_000 < large["mean"] < 13_000


def test_clock_when_it_steps_back_repeats_no_snowflake_of_hop(tmp_path):
    result = CliRunner().invoke(keygen, ["clock", "--json", "--report", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert [each["duplicates"] for each in json.loads(result.stdout)] == [0] * 5
    assert "duplicates, hop&#39;s 0." in (tmp_path / "clock.html").read_text(encoding="utf-8")
