"""Each race does damage, its remedy prevents it, and no server is left running."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from cli.keygen import races as keygen_races
from lab.races.catalogue import RACES
from lab.races.race import Outcome
from lab.races.run_race import BARRIER_TIMEOUT_S, count_damaged, run_race
from lab.servers import LabServers, lab_servers

CLIENTS, ROUNDS = 4, 6


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServers]:
    with lab_servers() as servers:
        yield servers


@pytest.mark.parametrize("name", RACES)
def test_links_when_raced_for_are_damaged_only_without_the_remedy(lab, name):
    result = run_race(RACES[name], lab, clients=CLIENTS, rounds=ROUNDS)
    links = CLIENTS * ROUNDS * RACES[name].links_per_call
    assert result.without.attempts == result.with_remedy.attempts == links
    # The interleaving is forced: all clients of a round but one lose; Redis forgets one half.
    lost = links // 2 if name == "redis-ranges" else links * (CLIENTS - 1) // CLIENTS
    assert result.without.damaged == lost
    assert result.with_remedy.damaged == 0


@pytest.mark.parametrize("name", ["block-version", "block-isolation", "block-snapshot"])
def test_block_when_another_client_was_first_is_retried(lab, name):
    result = run_race(RACES[name], lab, clients=CLIENTS, rounds=ROUNDS)
    assert result.with_remedy.retries >= (CLIENTS - 1) * ROUNDS


def test_race_when_a_client_fails_raises_at_once(lab):
    def fails(client):
        if client.number == 1:
            raise ValueError("not a barrier's error")
        client.wait_for_others()
        return []

    started = time.monotonic()
    with pytest.raises(ValueError, match="not a barrier's"):
        run_race(dataclasses.replace(RACES["counter"], faulty=fails), lab, clients=3, rounds=2)
    assert time.monotonic() - started < BARRIER_TIMEOUT_S / 2


def test_damage_when_links_share_a_code_is_all_but_one():
    assert count_damaged(["a", "b", "a", "a", "b"]) == 3
    assert count_damaged([]) == 0


def test_hop_tables_when_races_ran_are_unchanged(lab):
    run_race(RACES["counter"], lab, clients=2, rounds=2)
    with psycopg.connect(lab.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM public.links").fetchone() == (0,)


def test_command_when_given_names_runs_only_these():
    arguments = ["--only", "counter", "--only", "nullable-unique", "--rounds", "2", "--json"]
    result = CliRunner().invoke(keygen_races.races, arguments)
    assert result.exit_code == 0, result.output
    assert [each["name"] for each in json.loads(result.output)] == ["counter", "nullable-unique"]


def test_command_when_a_remedy_does_not_hold_ends_with_status_1(monkeypatch):
    def broken(race, servers, **sizes):
        result = run_race(race, servers, **sizes)
        object.__setattr__(result, "with_remedy", Outcome(12, 1, 0, 0.1))
        return result

    monkeypatch.setattr(keygen_races, "run_race", broken)
    result = CliRunner().invoke(keygen_races.races, ["--only", "counter"])
    assert result.exit_code == 1
    assert "despite the remedy: counter" in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers_when_the_command_is_stopped_are_gone_with_their_directory(number):
    # Not tmp_path: its name would be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="hop-test-") as directory:
        Path(directory).chmod(0o711)  # as root, Postgres runs as another user
        process = subprocess.Popen(
            [sys.executable, "-c", "from cli.keygen.races import races; races()", "--rounds=200"],
            env=os.environ | {"TMPDIR": directory},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            pids = _wait_for_servers(Path(directory))
            process.send_signal(number)
            assert process.wait(timeout=30) != 0
        finally:
            process.kill()
            process.wait()
        assert list(Path(directory).iterdir()) == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _wait_for_servers(directory: Path) -> list[int]:
    """Postgres's process id, once both servers run."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        files = list(directory.glob("hop-lab-*/postgres/data/postmaster.pid"))
        if files and list(directory.glob("hop-lab-*/redis/redis.sock")):
            return [int(files[0].read_text(encoding="utf-8").split("\n")[0])]
        time.sleep(0.05)
    raise AssertionError("the servers did not start")
