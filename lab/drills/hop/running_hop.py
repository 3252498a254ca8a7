"""A hop that drills may damage: `hop demo` as a process, on servers that belong to the drill.

The demo starts its web processes and its worker again when they die. Postgres and Redis are the
drill's own, since a demo that kept them running would not let them be away.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import psutil
import redis
import urllib3

from lab.servers import LabServers

READY_WITHIN_S: Final = 60.0
STOPPED_WITHIN_S: Final = 40.0
POLL_S: Final = 0.05


class HopError(Exception):
    """Hop did not do in time what the drill waits for; the message says what."""


class RunningHop:
    """A demo and its parts; `running_hop` starts and ends it."""

    def __init__(self, servers: LabServers, directory: Path, settings: Mapping[str, str]) -> None:
        self.servers = servers
        self.settings = {
            "HOP_DATABASE_URL": servers.database_url,
            "HOP_REDIS_URL": servers.redis_url,
            "HOP_RATE_LIMIT": "off",
            **settings,
        }
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10))
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._directory = directory
        self._log = directory / "hop.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            HopError: it is not, with the last lines that it printed.
        """
        self._directory.mkdir(parents=True)
        port = self.url.rpartition(":")[2]
        demo = ("demo", "--no-seed", "--port", port, "--data-dir", str(self._directory / "data"))
        process = self._process = self.start_program(*demo)
        try:
            wait_until(lambda: self._is_ready(process), "hop's start", READY_WITHIN_S)
        except HopError as error:
            said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
            raise HopError("\n".join([str(error), *said])) from error

    def stop(self) -> None:
        """SIGTERM; what has not ended in time is killed, by its process id."""
        self._http.clear()
        if self._process is None or self._process.poll() is not None:
            return
        family = psutil.Process(self._process.pid).children(recursive=True)
        end(self._process)
        for left in psutil.wait_procs(family, timeout=1)[1]:
            left.kill()

    def start_program(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run the command line on this hop's servers; what it prints goes to hop's log.

        In a session of its own, so that Ctrl-C reaches the drill alone, which ends all in order.
        """
        environ = {name: value for name, value in os.environ.items() if name[:4] != "HOP_"}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cli.main", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environ, **self.settings},
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """The first of these.

        Raises:
            HopError: there is none at present.
        """
        found = self.pids(name)
        if not found:
            raise HopError(f"no {name} runs")
        return found[0]

    def pids(self, name: str) -> list[int]:
        """The processes that demo.json lists under `web`, `gunicorn` or `worker`."""
        found = self._info()["pids"][name]
        return found if isinstance(found, list) else [found] if found else []

    @property
    def journal_dir(self) -> Path:
        """Where its web processes keep their journals."""
        return self._directory / "data" / "journal"

    def redis(self) -> "redis.Redis":
        """A client of its Redis, for the drill."""
        return redis.Redis.from_url(self.servers.redis_url, socket_timeout=10)

    def ask(self, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """GET a path, with the admin key.

        Raises:
            urllib3.exceptions.HTTPError: no answer came.
        """
        key = {"Authorization": f"Bearer {self._info()['api_key']}"}
        return self._http.request("GET", f"{self.url}{path}", headers=key, fields=fields or None)

    def wait_until_whole(self) -> None:
        """Return when every part runs and requests are taken.

        Raises:
            HopError: not in time.
        """
        wait_until(self._is_whole, "hop's return", READY_WITHIN_S)

    def _info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._directory / "data" / "demo.json").read_text())
        return found

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise HopError(f"hop ended at its start, status {process.returncode}")
        return f"ready {self.url}\n" in self._log.read_text(encoding="utf-8", errors="replace")

    def _is_whole(self) -> bool:
        pids = [self.pids(name) for name in ("gunicorn", "worker", "web")]
        if not all(found and all(map(is_alive, found)) for found in pids):
            return False
        try:
            return self.ask("/readyz").status == HTTPStatus.OK
        except urllib3.exceptions.HTTPError:
            return False


@contextmanager
def running_hop(
    servers: LabServers, name: str, settings: Mapping[str, str] | None = None
) -> Iterator[RunningHop]:
    """Hop on these servers, in a directory `name` beside theirs; stopped at the end.

    Raises:
        HopError: it does not start.
    """
    hop = RunningHop(servers, servers.directory / name, settings or {})
    try:
        hop.start()
        yield hop
    finally:
        hop.stop()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that was killed and not yet waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM a child, and SIGKILL if it does not end in time."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(is_so: Callable[[], object], what: str, within_s: float = READY_WITHIN_S) -> None:
    """Return as soon as something is so.

    Raises:
        HopError: not in time.
    """
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise HopError(f"{within_s:.0f} s were not enough for {what}")
        time.sleep(POLL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
