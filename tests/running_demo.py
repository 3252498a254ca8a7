"""A `hop demo` with a port and a directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import urllib3


class RunningDemo:
    """Started by `start`, stopped by `stop`. Its output goes to a file, shown if a test fails."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.data_dir = str(directory / "data")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = options
        self.log = directory / "demo.log"
        self.http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10), maxsize=50)
        self.process: subprocess.Popen[bytes]

    def start(self, **settings: str) -> None:
        """Start it and wait for its `ready` line."""
        command = [sys.executable, "-m", "cli.main", "demo", "--port", str(self.port)]
        environ = {name: value for name, value in os.environ.items() if name[:4] != "HOP_"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", self.data_dir, *self.options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environ, **settings},
            )
        wait_until(lambda: f"ready {self.url}\n" in self.output() or self._ended(), 60)
        assert not self._ended(), self.output()

    def stop(self) -> list[str]:
        """Send SIGTERM and wait for the end.

        Returns:
            Those of its processes that still run. There should be none.
        """
        self.http.clear()  # gunicorn leaves idle connections 2 s for a last request
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=40) == 0, self.output()
        return [f"{process.pid} {process.name()}" for process in family if process.is_running()]

    def output(self) -> str:
        """All it has printed so far."""
        return self.log.read_text(errors="replace")

    def info(self) -> dict[str, Any]:
        """The content of demo.json."""
        found: dict[str, Any] = json.loads(Path(self.data_dir, "demo.json").read_text())
        return found

    def pid(self, name: str) -> int | None:
        """The pid of a process named in demo.json; of the web processes, the first."""
        found = self.info()["pids"][name]
        return next(iter(found), None) if isinstance(found, list) else found

    def shorten(self, **wish: Any) -> str:
        """Shorten over the API; returns the code."""
        answer = self.http.request("POST", f"{self.url}/shorten", json=wish)
        assert answer.status == 201, answer.data
        return str(answer.json()["short_code"])

    def get(self, code: str) -> int:
        """Follow a short link, without following the redirect; returns the status."""
        return self.http.request("GET", f"{self.url}/{code}", redirect=False).status

    def stats(self, code: str) -> dict[str, Any]:
        """What the API answers for a code's counts."""
        key = {"Authorization": f"Bearer {self.info()['api_key']}"}
        answer = self.http.request("GET", f"{self.url}/api/v1/links/{code}/stats", headers=key)
        found: dict[str, Any] = answer.json()
        return found

    def hop(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `hop` command against this demo."""
        environ = {
            **os.environ,
            "HOP_URL": self.url,
            "HOP_DATA_DIR": self.data_dir,
        }
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _ended(self) -> bool:
        return self.process.poll() is not None


def wait_until(is_so: Callable[[], object], within_s: float) -> None:
    """Return as soon as `is_so` returns something true; fail if that takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {within_s} s"
        time.sleep(0.02)


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
