"""A hop that drills may break: `hop demo` as a process, on the lab's Postgres and Redis.

The demo restarts its web processes and its worker. It would restart Postgres and Redis too, so
those belong to the drill, which can keep them down.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import psutil
import redis
import urllib3

from lab.drills.hop.waiting import HopError, wait_until
from lab.processes import is_alive, stop_process
from lab.servers import LabServers

STOPPED_WITHIN_S: Final = 40.0


class RunningHop:
    """A demo and its processes. `running_hop` starts and stops it."""

    def __init__(
        self,
        servers: LabServers,
        command: Sequence[str],
        directory: Path,
        settings: Mapping[str, str],
    ) -> None:
        self.servers = servers
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.journal_dir = directory / "data" / "journal"
        self._command = command
        self._settings = {
            "HOP_DATABASE_URL": servers.database_url,
            "HOP_REDIS_URL": servers.redis_url,
            "HOP_RATE_LIMIT": "off",
            **settings,
        }
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10))
        self._directory = directory
        self._log = directory / "hop.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the demo and wait until it is ready.

        Raises:
            HopError: it does not become ready; the message ends with its last lines of output.
        """
        self._directory.mkdir(parents=True)
        port = self.url.rpartition(":")[2]
        demo = ("demo", "--no-seed", "--port", port, "--data-dir", str(self._directory / "data"))
        process = self._process = self.start_program(*demo)
        try:
            wait_until(lambda: self._is_ready(process), "hop's start")
        except HopError as error:
            output = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
            raise HopError("\n".join([str(error), *output])) from error

    def stop(self) -> None:
        """Stop the demo; SIGKILL children that outlive it."""
        self._http.clear()
        if self._process is None or self._process.poll() is not None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        stop_process(self._process, STOPPED_WITHIN_S)
        for child in psutil.wait_procs(children, timeout=1)[1]:
            child.kill()

    def start_program(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run a command of hop on these servers; its output goes to hop.log.

        It gets a session of its own, so that Ctrl-C reaches the drill alone, which stops the rest.
        """
        environ = {name: value for name, value in os.environ.items() if name[:4] != "HOP_"}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environ, **self._settings},
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """The first process id of `pids`.

        Raises:
            HopError: no such process runs.
        """
        pids = self.pids(name)
        if not pids:
            raise HopError(f"no {name} runs")
        return pids[0]

    def pids(self, name: str) -> list[int]:
        """The process ids of `web`, `gunicorn` or `worker` according to demo.json."""
        pids = self._read_demo_file()["pids"][name]
        return pids if isinstance(pids, list) else [pids] if pids else []

    def redis(self) -> "redis.Redis":
        """A new client of its Redis."""
        return redis.Redis.from_url(self.servers.redis_url, socket_timeout=10)

    def get(self, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """GET a path with the admin's API key.

        Raises:
            urllib3.exceptions.HTTPError: there is no response.
        """
        headers = {"Authorization": f"Bearer {self._read_demo_file()['api_key']}"}
        return self._http.request(
            "GET", f"{self.url}{path}", headers=headers, fields=fields or None
        )

    def wait_until_healthy(self) -> None:
        """Wait until all processes run and hop says that it is ready.

        Raises:
            HopError: not in time.
        """
        wait_until(self._is_healthy, "hop to be healthy again")

    def _read_demo_file(self) -> dict[str, Any]:
        demo: dict[str, Any] = json.loads((self._directory / "data" / "demo.json").read_text())
        return demo

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise HopError(f"hop ended at its start with status {process.returncode}")
        return f"ready {self.url}\n" in self._log.read_text(encoding="utf-8", errors="replace")

    def _is_healthy(self) -> bool:
        processes = [self.pids(name) for name in ("gunicorn", "worker", "web")]
        if not all(pids and all(map(is_alive, pids)) for pids in processes):
            return False
        try:
            return self.get("/readyz").status == HTTPStatus.OK
        except urllib3.exceptions.HTTPError:
            return False


@contextmanager
def running_hop(
    servers: LabServers,
    command: Sequence[str],
    name: str,
    settings: Mapping[str, str] | None = None,
) -> Iterator[RunningHop]:
    """A demo on these servers; stopped at the end.

    Args:
        servers: its Postgres and its Redis.
        command: what runs hop's command line, such as `("hop",)`.
        name: of the new directory beside the servers' data.
        settings: environment variables.

    Raises:
        HopError: it does not start.
    """
    hop = RunningHop(servers, command, servers.directory / name, settings or {})
    try:
        hop.start()
        yield hop
    finally:
        hop.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
