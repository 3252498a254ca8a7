"""granian as hop runs it stops at once, even while its app is being made."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.running_demo import free_port

GRACE_S = 30
APP = """
import pathlib, time

def make():
    pathlib.Path("is_being_made").touch()
    time.sleep(60)
"""


def test_server_stops_at_once_when_its_app_is_still_being_made(tmp_path: Path):
    (tmp_path / "slow_app.py").write_text(APP)
    arguments = ["slow_app:make", "127.0.0.1", str(free_port()), "1", "4", str(GRACE_S)]
    command = [sys.executable, "-m", "app.server.granian", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, start_new_session=True) as server:
        try:
            deadline = time.monotonic() + 20
            while not (tmp_path / "is_being_made").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=GRACE_S / 2)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left of it
                os.killpg(server.pid, signal.SIGKILL)
