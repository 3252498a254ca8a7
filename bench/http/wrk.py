"""wrk, a load generator with a closed loop: each connection waits for its answer.

https://github.com/wg/wrk
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import click
import msgspec

CONNECTIONS: Final = 16
_SCRIPT: Final = Path(__file__).with_name("requests.lua")


class WrkError(Exception):
    """wrk failed."""


class WrkResult(msgspec.Struct, frozen=True):
    """What one run of wrk reports."""

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


def find_wrk() -> bool:
    """Whether wrk is installed; says how to install it if not."""
    if shutil.which("wrk") is None:
        click.echo("skipped: the load generator wrk is not installed. Try: apt install wrk")
        return False
    return True


def run_wrk(url: str, seconds: int, *arguments: str) -> WrkResult:
    """Load a server from one thread over `CONNECTIONS` connections.

    Args:
        url: requested again and again, unless the arguments name other requests.
        seconds: how long.
        arguments: of requests.lua, which describes them.

    Raises:
        WrkError: the server cannot be reached.
    """
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(_SCRIPT)]
    done = subprocess.run(
        [*command, url, "--", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise WrkError(f"wrk ended with status {done.returncode}: {done.stderr.strip()}")
    return msgspec.json.decode(lines[-1], type=WrkResult)
