"""Where and when a measurement was taken. Results without these facts cannot be compared."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db.connect.pool import open_pool, server_version


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts about one run. Contains no host name and no path."""

    date: str  # UTC
    commit: str  # short hash; empty outside a git checkout
    cpu: str
    cores: int
    python: str
    postgres: str
    processes: int
    codes: int  # the most that were requested
    duration_s: float


def read_facts(database_url: str, *, processes: int, codes: int, duration_s: float) -> RunFacts:
    """Collect the facts; the arguments pass through.

    Raises:
        DatabaseUnavailableError: Postgres is down.
    """
    with open_pool(database_url, name="hop-lab", max_size=1) as pool:
        major, minor = divmod(server_version(pool), 10_000)
    return RunFacts(
        date=f"{datetime.now(UTC):%F %H:%M} UTC",
        commit=read_commit(),
        cpu=read_cpu(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        postgres=f"{major}.{minor}",
        processes=processes,
        codes=codes,
        duration_s=round(duration_s, 1),
    )


def read_commit() -> str:
    """The short hash of the checked-out commit; empty outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def read_cpu() -> str:
    """The processor's name on Linux, elsewhere its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
