"""hop keygen inspect: where a code comes from, said plainly."""

import json
from typing import get_args
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from app.links.codes import note_strategy, open_strategy
from app.settings import Settings
from cli.keygen.command import keygen
from db.codes.ranges import this_process
from db.connect.pool import Pool
from db.links import insert_link
from keygen.strategies import StrategyName

URL = "https://example.org/"


def make_link(name: str, pool: Pool) -> str:
    """The code of the third link that a strategy makes."""
    settings = Settings(database_url="", redis_url="", keygen=name)  # type: ignore[arg-type]
    note_strategy(settings, pool)
    codes = open_strategy(settings, pool)
    for number in range(3):
        code = codes.strategy.candidate(f"{URL}{number}", 0)
        assert insert_link(pool, code, f"{URL}{number}") is not None
    codes.close()
    return code


def inspect(database_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(keygen, ["inspect", "--database-url", database_url, *arguments])


def inspect_json(database_url: str, *arguments: str) -> dict:
    result = inspect(database_url, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.mark.parametrize("name", get_args(StrategyName))
def test_a_code_of_each_strategy_is_traced(name, database_url, pool):
    found = inspect_json(database_url, make_link(name, pool))
    assert (found["strategy"], found["target_url"]) == (name, f"{URL}2")
    assert found["mismatch"] is None
    traced = {key: value for key, value in found["traced"].items() if value is not None}
    if name in {"range", "permuted"}:
        grant = traced["grant"]
        assert (traced["id"], grant["start_id"], grant["stop_id"]) == (2, 0, 10_000)
        assert grant["holder"] == this_process()
    elif name == "counter":
        assert traced == {"id": 2}
    elif name == "snowflake":
        assert set(traced) == {"moment", "worker", "sequence"}
    elif name == "hash":
        assert traced == {"attempt": 0}
    elif name != "stride":  # whose first counter is left to chance
        assert traced == {}


def test_text_names_id_range_and_holder(database_url, pool):
    lines = inspect(database_url, make_link("permuted", pool)).output.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("code", "link", "strategy", "id", "range", "holder", "granted")
    ]
    assert lines[4] == "range     0 to 9,999 (10,000 ids)"


def test_a_link_is_read_by_the_strategy_that_made_it_after_a_change(database_url, pool):
    old = make_link("range", pool)
    make_link("permuted", pool)
    assert inspect_json(database_url, old)["strategy"] == "range"


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("permuted", "abc", "at least 7 characters"),
        ("permuted", "with-dash", "'-' is not a base62 character"),
        ("permuted", "1234567890abc", "at most 11"),
        ("permuted", "zzzzzzz", "no process has been given"),
        ("range", "zzzzzzz", "its id would be 3,521,614,606,207, which no process has been given"),
        ("counter", "0000003", "not been counted yet"),
        ("stride", "zzzzzzz", "not been counted yet"),
        ("random", "white space", "not a base62 character"),
        ("snowflake", "0000003", "at least 11 characters"),
        ("snowflake", "zzzzzzzzzzz", "63 bits"),
        ("snowflake", "00000000144", "by worker 1, which was never leased"),
    ],
)
def test_a_code_that_cannot_be_from_the_strategy_is_told_why(name, code, why, database_url, pool):
    make_link(name, pool)
    result = inspect(database_url, code)
    assert result.exit_code == 0
    assert "none has this code" in result.output
    assert "cannot be from it" in result.output
    assert why in result.output


def test_an_id_that_ranges_have_passed_over_is_not_from_them(database_url, pool):
    make_link("counter", pool)
    make_link("range", pool)
    output = inspect(database_url, "0000002", "--strategy", "range").output
    assert "its id would be 2, which was left to another strategy" in output


def test_an_alias_is_told_from_generated_codes(database_url, pool):
    make_link("permuted", pool)
    insert_link(pool, "chosen1", URL)
    assert "so it is an alias" in inspect(database_url, "chosen1").output


def test_a_changed_key_is_said_to_hide_the_id(database_url, pool):
    code = make_link("permuted", pool)
    with pool.connection() as connection:
        connection.execute("UPDATE id_ranges SET permutation_key = sha256(permutation_key)")
    assert "the permutation key has changed" in inspect(database_url, code).output


def test_a_missing_schema_or_database_is_a_clear_error(database_url):
    empty = urlsplit(database_url)._replace(path="/postgres").geturl()
    assert "Run: hop migrate" in inspect(empty, "0000000").output
    away = inspect("postgresql:///hop?host=/nonexistent", "0000000")
    assert away.exit_code == 1
    assert "the database does not answer" in away.output
    assert "starts with postgresql://" in inspect("", "0000000").output
