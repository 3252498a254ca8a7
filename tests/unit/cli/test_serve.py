"""hop serve: what it refuses before it asks any server, and what it gives to the WSGI server."""

import os
import signal
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.server.granian import Server
from app.settings import Settings
from cli.server.serve import (
    THREADS,
    process_defaults,
    serve,
    server_environ,
    waiting_limits,
)

NEEDED = {"HOP_DATABASE_URL": "postgresql://db/hop", "HOP_REDIS_URL": "redis://cache"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_lab_is_refused_when_others_could_reach_it(host: str):
    result = CliRunner().invoke(serve, ["--host", host], env={**NEEDED, "HOP_LAB": "demo"})
    assert result.exit_code == 1
    assert "set HOP_LAB=admin or off" in result.output


@pytest.mark.parametrize(("threads", "free", "connections"), [(16, 2, 6), (32, 4, 8), (4, 1, 2)])
def test_some_threads_stay_free_when_all_others_wait_for_postgres(
    threads: int, free: int, connections: int
):
    limits = waiting_limits(threads)
    assert limits["HOP_DATABASE_WAITERS"] == threads - free
    assert limits["HOP_DATABASE_CONNECTIONS"] == connections


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_limits_of_the_threads_go_to_the_server_unless_they_are_set(
    server: str, tmp_path: Path, monkeypatch
):
    settings = Settings(database_url="", redis_url="", journal_dir=str(tmp_path))
    limits = waiting_limits(THREADS[server])
    for name in process_defaults(server):
        monkeypatch.delenv(name, raising=False)
    given = server_environ(settings, server, 80)
    assert {name: int(given[name]) for name in limits} == limits
    assert given["MALLOC_MMAP_THRESHOLD_"] == "131072"
    monkeypatch.setenv("HOP_DATABASE_WAITERS", "1")
    assert server_environ(settings, server, 80)["HOP_DATABASE_WAITERS"] == "1"


def test_granian_when_told_to_stop_while_it_notes_that_it_was_told_so_does_not_wait_for_itself():
    server = Server("module:app")
    server.pid = os.getpid()

    class Interrupted(threading.Event):
        """While it is set, its lock is held, and a second signal comes."""

        is_held = False

        def set(self) -> None:
            assert not self.is_held, "this would wait for ever"
            self.is_held = True
            server.signal_handler_interrupt(signal.SIGTERM, None)
            super().set()

    server.main_loop_interrupt = Interrupted()
    server.signal_handler_interrupt(signal.SIGTERM, None)
    assert server.main_loop_interrupt.is_set()
    assert server.interrupt_signal


def test_counters_of_a_server_that_lives_are_kept_and_those_of_others_removed(tmp_path: Path):
    settings = Settings(database_url="", redis_url="", journal_dir=str(tmp_path))
    living = tmp_path / f"metrics-80-{os.getppid()}"
    gone = [tmp_path / name for name in ("metrics-80-999999999", "metrics-80-odd")]
    others = [tmp_path / "metrics-8080-999999999", tmp_path / "metrics-80"]
    for directory in (living, *gone, *others):
        directory.mkdir()
    server_environ(settings, "gunicorn", 80)
    ours = tmp_path / f"metrics-80-{os.getpid()}"
    assert sorted(tmp_path.iterdir()) == sorted([living, ours, *others])
