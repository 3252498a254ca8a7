"""The demo's supervisor: its programs never run without it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from cli.demo.program import Program
from cli.demo.supervisor import Supervisor
from tests.running_demo import RunningDemo, wait_until


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
    demo.start()  # nothing of the old one is in the way
    assert demo.get(demo.shorten(url="https://example.org/")) == 302


# Its child ends after SIGTERM, but only once the file argv[1] exists.
LEADER = """
import os, signal, sys, time
if os.fork() == 0:
    def finish(*_):
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.01)
        os._exit(0)
    signal.signal(signal.SIGTERM, finish)
    os.write(1, b"child %d\\n" % os.getpid())  # at once: print may take several writes
else:
    os.write(1, b"leader %d\\n" % os.getpid())
while True:
    time.sleep(0.01)
"""


def test_overlapping_program_restarts_while_children_of_the_killed_one_finish(tmp_path):
    said: dict[str, list[int]] = {"child": [], "leader": []}
    heard = asyncio.Event()

    def note(_: Program, line: str) -> None:
        name, _, pid = line.partition(" ")
        said.get(name, []).append(int(pid) if pid.isdigit() else 0)
        heard.set()

    async def until_said(name: str, times: int) -> None:
        while len(said[name]) < times:
            heard.clear()
            await heard.wait()

    async def run() -> None:
        done, supervisor = tmp_path / "done", Supervisor(note)
        argv = (sys.executable, "-c", LEADER, str(done))
        await supervisor.start(Program("both", argv, "green", overlaps=True))
        await asyncio.gather(until_said("child", 1), until_said("leader", 1))
        (child,), (leader,) = said.values()
        os.kill(leader, signal.SIGKILL)
        await until_said("leader", 2)
        assert psutil.Process(child).status() != psutil.STATUS_ZOMBIE
        done.touch()
        await until_said("child", 2)
        await supervisor.stop()
        assert not any(psutil.pid_exists(pid) for pid in (*said["child"], *said["leader"]))

    asyncio.run(asyncio.wait_for(run(), 40))


def test_programs_restart_when_nobody_reads_the_output(demo: RunningDemo):
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
