"""hop: its list of commands, even where a package is missing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[3]
LOWER_LAYERS = ("analytics_worker", "app", "bench", "db", "guard", "keygen")


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help(name: str):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {name}")
    assert len(result.output.splitlines()) > 5


@pytest.mark.parametrize("group", [[], ["keygen"]])
def test_summary_of_a_command_is_not_cut_off_in_the_list(group: list[str]):
    result = CliRunner().invoke(main, [*group, "--help"])
    assert result.exit_code == 0
    assert "..." not in result.output.partition("Commands:")[2]


def test_no_lower_layer_names_a_command_module_even_in_a_string():
    files = (file for layer in LOWER_LAYERS for file in (ROOT / layer).rglob("*.py"))
    assert [file for file in files if '"cli.' in file.read_text(encoding="utf-8")] == []


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
