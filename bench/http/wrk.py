"""wrk, the generator of load: a closed loop, in which each connection waits for its answer.

https://github.com/wg/wrk
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec

CONNECTIONS: Final = 16
_SCRIPT: Final = Path(__file__).with_name("requests.lua")


class WrkError(Exception):
    """wrk did not run to its end."""


class Load(msgspec.Struct, frozen=True):
    """What one run of wrk has seen."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    refused: int  # answers whose status is neither 2xx nor 3xx
    broken: int  # connections that failed or timed out

    @property
    def per_s(self) -> float:
        """Answers per second."""
        return self.requests * 1e6 / self.duration_us


def is_installed() -> bool:
    """Whether wrk is on the path."""
    return shutil.which("wrk") is not None


def run_wrk(url: str, seconds: int, *asks: str, connections: int = CONNECTIONS) -> Load:
    """Load a server for some seconds, from one thread.

    Args:
        url: what is asked for, unless `asks` says otherwise.
        seconds: how long.
        asks: the arguments of requests.lua.
        connections: kept open, each with one request at a time.

    Raises:
        WrkError: it cannot reach the server.
    """
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", str(_SCRIPT)]
    done = subprocess.run(
        [*command, url, "--", *asks],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise WrkError(f"wrk ended with status {done.returncode}: {done.stderr.strip()}")
    return msgspec.json.decode(lines[-1], type=Load)
