"""Where and when a measurement was taken. Results without these facts cannot be compared."""

import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from db.connect.pool import open_pool, server_version


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


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """When and where a measurement was taken. Contains no host name and no path."""

    date: str = field(default_factory=lambda: f"{datetime.now(UTC):%F %H:%M} UTC")
    commit: str = field(default_factory=read_commit)
    cpu: str = field(default_factory=read_cpu)
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts(MachineFacts):
    """Facts about a run on a Postgres."""

    python: str = field(default_factory=platform.python_version)
    postgres: str
    processes: int
    codes: int  # the most that were requested
    duration_s: float


def read_postgres_version(database_url: str) -> str:
    """Such as "18.1".

    Raises:
        DatabaseUnavailableError: Postgres is down.
    """
    with open_pool(database_url, name="hop-lab", max_size=1) as pool:
        major, minor = divmod(server_version(pool), 10_000)
    return f"{major}.{minor}"
