"""`hop chaos` as a command: what it prints, and that it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab.drills.catalogue import DRILLS

CHAOS = (sys.executable, "-m", "cli.main", "chaos")


def test_drill_with_json_is_a_machine_readable_result():
    done = subprocess.run(
        [*CHAOS, "--drill", "worker-killed", "--rate", "100", "--seed", "7", "--json"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (drill,) = found["drills"]
    assert (drill["drill"], drill["faults"], found["dials"]["seed"]) == ("worker-killed", [], 7)
    assert drill["answered"] == drill["counted"] > 100
    assert "SIGKILL worker" in done.stderr


def test_list_shows_drills_without_running_them():
    done = subprocess.run([*CHAOS, "--list"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(DRILLS)


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """An empty directory whose name leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="hop-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_nothing_is_left_when_drills_are_interrupted(short_directory: Path):
    numbers = (signal.SIGTERM, signal.SIGINT)
    processes = [break_something(short_directory) for _ in numbers]
    for process, number in zip(processes, numbers, strict=True):
        with process:
            while "SIGSTOP" not in process.stderr.readline():  # hop runs, and its Redis hangs
                assert process.poll() is None
            family = psutil.Process(process.pid).children(recursive=True)
            assert len(family) > 8
            process.send_signal(number)
            assert process.wait(timeout=60) != 0
        assert psutil.wait_procs(family, timeout=1)[1] == []
    assert list(short_directory.iterdir()) == []


def break_something(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CHAOS, "--drill", "redis-hung", "--duration", "300"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(directory)},
    )
