"""hop: its list of commands, even where a package is missing."""

import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, main


@pytest.mark.parametrize("group", [[], ["keygen"]])
def test_summary_of_a_command_is_not_cut_off_in_the_list(group: list[str]):
    result = CliRunner().invoke(main, [*group, "--help"])
    assert result.exit_code == 0
    assert "..." not in result.output.partition("Commands:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help(name: str):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: hop {name}" in result.output.replace("Usage: main", "Usage: hop")
    assert len(result.output.splitlines()) > 5


@pytest.fixture
def without_demo(monkeypatch):
    monkeypatch.setitem(COMMANDS, "demo", "no_such_package:demo")


def test_help_lists_every_command_when_a_package_is_missing(without_demo):
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.output for name in COMMANDS)
    assert "Needs the package no_such_package" in result.output


@pytest.mark.parametrize("arguments", [[], ["--port", "8000"], ["--help"]])
def test_command_says_what_to_install_when_a_package_is_missing(without_demo, arguments):
    result = CliRunner().invoke(main, ["demo", *arguments])
    assert result.exit_code == 1
    assert "pip install 'hop[demo,load]'" in result.output
