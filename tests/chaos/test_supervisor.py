"""The supervisor: whatever happens to it, its programs are never left alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.running_demo import RunningDemo, wait_until

pytestmark = pytest.mark.chaos


@pytest.fixture
def demo(tmp_path) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path, "--no-seed", "--workers", "1")
    yield running
    if running.process.poll() is None:
        assert running.stop() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_programs_end_when_the_supervisor_is_killed(demo: RunningDemo, server: str):
    demo.options = (*demo.options, "--server", server)
    demo.start()
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(family) > 5
    demo.process.kill()
    demo.process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    demo.start()  # and nothing of it is in the way of the next
    assert demo.get(demo.shorten(url="https://example.org/")) == 302


def test_programs_are_started_again_when_nobody_reads_the_output_any_more(demo: RunningDemo):
    command = [sys.executable, "-m", "cli.main", "demo", "--port", str(demo.port), *demo.options]
    demo.process = subprocess.Popen(
        [*command, "--data-dir", demo.data_dir], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    demo.log.touch()
    with demo.process.stdout as pipe:
        for line in pipe:
            if line.startswith(b"ready "):
                break
    for victim in ("worker", "redis", "postgres", "worker"):
        killed = demo.pid(victim)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda victim=victim, killed=killed: is_back(demo, victim, killed), 20)
    wait_until(lambda: shortens(demo), 20)


def is_back(demo: RunningDemo, name: str, killed: int) -> bool:
    return demo.pid(name) not in {None, killed}


def shortens(demo: RunningDemo) -> bool:
    wish = {"url": "https://example.org/"}
    return demo.http.request("POST", f"{demo.url}/shorten", json=wish).status == 201
