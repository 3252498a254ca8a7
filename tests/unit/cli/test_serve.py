"""hop serve: what it refuses, and the environment of the WSGI server."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.server.command import THREADS, database_limits
from app.settings import Settings
from cli.server.serve import serve, server_environ

NEEDED = {"HOP_DATABASE_URL": "postgresql://db/hop", "HOP_REDIS_URL": "redis://cache"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_lab_is_refused_when_others_could_reach_it(host: str):
    result = CliRunner().invoke(serve, ["--host", host], env={**NEEDED, "HOP_LAB": "demo"})
    assert result.exit_code == 1
    assert "set HOP_LAB=admin or off" in result.output


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_limits_follow_from_the_threads_unless_they_are_set(
    server: str, tmp_path: Path, monkeypatch
):
    settings = Settings(database_url="", redis_url="", journal_dir=str(tmp_path))
    limits = database_limits(THREADS[server])
    for name in limits:
        monkeypatch.delenv(name, raising=False)
    assert limits.items() <= server_environ(settings, server, 80).items()
    monkeypatch.setenv("HOP_DATABASE_WAITERS", "1")
    assert server_environ(settings, server, 80)["HOP_DATABASE_WAITERS"] == "1"


def test_admin_key_is_not_passed_to_the_server(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOP_ADMIN_KEY", "a secret of many characters")
    settings = Settings(database_url="", redis_url="", journal_dir=str(tmp_path))
    assert "HOP_ADMIN_KEY" not in server_environ(settings, "gunicorn", 80)


def test_counters_are_kept_while_their_server_lives_and_removed_when_it_is_dead(tmp_path: Path):
    settings = Settings(database_url="", redis_url="", journal_dir=str(tmp_path))
    living = tmp_path / f"metrics-80-{os.getppid()}"
    gone = [tmp_path / name for name in ("metrics-80-999999999", "metrics-80-odd")]
    others = [tmp_path / "metrics-8080-999999999", tmp_path / "metrics-80"]
    for directory in (living, *gone, *others):
        directory.mkdir()
    server_environ(settings, "gunicorn", 80)
    ours = tmp_path / f"metrics-80-{os.getpid()}"
    assert sorted(tmp_path.iterdir()) == sorted([living, ours, *others])
