"""Where, when and with what a run of the bench was made."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from bench.benchmark import Plan
from lab.report.run_facts import read_commit, read_cpu

_PACKAGES: Final = ("flask", "gunicorn", "granian", "psycopg", "redis", "msgspec")


@dataclass(frozen=True, slots=True)
class BenchFacts:
    """About one run. Nothing in it tells a host's name or a path."""

    date: str  # UTC
    commit: str
    cpu: str
    cores: int
    are_apart: bool  # the measured server has a core of its own
    seconds: int
    rounds: int
    full: bool
    versions: dict[str, str]


def read_bench_facts(plan: Plan) -> BenchFacts:
    """Look them up."""
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
        are_apart=plan.cores.are_apart,
        seconds=plan.seconds,
        rounds=plan.rounds,
        full=plan.full,
        versions=versions,
    )


def describe_bench_facts(facts: BenchFacts) -> str:
    """In one line."""
    versions = ", ".join(f"{name} {number}" for name, number in facts.versions.items())
    commit = f", commit {facts.commit}" if facts.commit else ""
    return f"{facts.date}{commit}; {facts.cpu}, {facts.cores} cores; {versions}"


def _read_version(program: str, flag: str) -> str:
    """The first word with a digit in what a program says of itself: `nginx/1.22.1`, `4.1.0`."""
    done = subprocess.run([program, flag], capture_output=True, text=True, timeout=5, check=False)
    words = (done.stdout + done.stderr).split()
    found = next((word for word in words if any(map(str.isdigit, word))), "unknown")
    return found.rpartition("/")[2]
