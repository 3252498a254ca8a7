"""When, where and with which versions a benchmark ran."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from bench.benchmark import Options
from lab.report.run_facts import read_commit, read_cpu

_PACKAGES: Final = ("flask", "gunicorn", "granian", "psycopg", "redis", "msgspec")


@dataclass(frozen=True, slots=True)
class BenchFacts:
    """The circumstances of one run, without host name or paths."""

    date: str  # UTC
    commit: str
    cpu: str
    cores: int
    are_apart: bool  # the measured server had a core of its own
    seconds: int
    rounds: int
    full: bool
    versions: dict[str, str]


def read_bench_facts(options: Options) -> BenchFacts:
    """Collect the facts of a run that starts now."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    for program, flag in (("nginx", "-v"), ("wrk", "--version")):
        if shutil.which(program):
            versions[program] = _read_version(program, flag)
    return BenchFacts(
        date=f"{datetime.now(UTC):%F %H:%M} UTC",
        commit=read_commit(),
        cpu=read_cpu(),
        cores=os.cpu_count() or 1,
        are_apart=options.cores.are_apart,
        seconds=options.seconds,
        rounds=options.rounds,
        full=options.full,
        versions=versions,
    )


def describe_bench_facts(facts: BenchFacts) -> str:
    """The facts in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in facts.versions.items())
    commit = f", commit {facts.commit}" if facts.commit else ""
    return f"{facts.date}{commit}; {facts.cpu}, {facts.cores} cores; {versions}"


def _read_version(program: str, flag: str) -> str:
    """The first word with a digit in a program's output, such as `nginx/1.22.1` or `4.1.0`."""
    done = subprocess.run([program, flag], capture_output=True, text=True, timeout=5, check=False)
    words = (done.stdout + done.stderr).split()
    found = next((word for word in words if any(map(str.isdigit, word))), "unknown")
    return found.rpartition("/")[2]
