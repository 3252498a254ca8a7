"""hop: its list of commands, also where not every package is installed."""

import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, main


@pytest.fixture
def without_demo(monkeypatch):
    monkeypatch.setitem(COMMANDS, "demo", "nobody_has_this_package:demo")


def test_help_lists_all_commands_when_a_package_is_missing(without_demo):
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.output for name in COMMANDS)
    assert "needs the package nobody_has_this_package" in result.output


@pytest.mark.parametrize("arguments", [[], ["--port", "8000"], ["--help"]])
def test_command_says_what_to_install_when_a_package_is_missing(without_demo, arguments):
    result = CliRunner().invoke(main, ["demo", *arguments])
    assert result.exit_code == 1
    assert "pip install 'hop[demo,load]'" in result.output
