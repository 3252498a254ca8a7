"""The command line and the limits of a WSGI server."""

import sys

import pytest

from app.server import command


@pytest.mark.parametrize(("threads", "free", "connections"), [(16, 2, 6), (32, 4, 8), (4, 1, 2)])
def test_threads_stay_free_when_all_others_wait_for_postgres(
    threads: int, free: int, connections: int
):
    assert command.database_limits(threads) == {
        "HOP_DATABASE_WAITERS": str(threads - free),
        "HOP_DATABASE_CONNECTIONS": str(connections),
    }


def test_gunicorn_when_the_host_is_ipv6_binds_it_in_brackets():
    arguments = command.server_command("gunicorn", "module:make", "::1", 80, workers=2)
    assert arguments[:4] == [sys.executable, "-m", "gunicorn", "module:make()"]
    assert arguments[arguments.index("--bind") + 1] == "[::1]:80"
    assert arguments[arguments.index("--workers") + 1] == "2"


def test_granian_when_missing_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    with pytest.raises(command.ServerNotInstalledError, match="pip install"):
        command.server_command("granian", "module:make", "::1", 80, workers=2)
