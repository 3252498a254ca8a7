"""A run of the lab as files, so that any web process can tell how it stands.

A run is a directory, named by its id, below that of all runs:
- run.json: what was asked for, by whom it may be read;
- progress.json, compare.html, .csv and .json: written by the command that measures;
- cancel: there when somebody wants it to stop;
- end.json: how it ended, written last.
While it runs, its directory is locked with flock by the process that watches over it. The kernel
releases the lock when that process dies, so a run without lock and without end.json was killed.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from keygen.strategies import StrategyName

MOST_RUNS: Final = 5
REPORT_FILES: Final = {
    "compare.html": "text/html",
    "compare.csv": "text/csv",
    "compare.json": "application/json",
}

State = Literal["running", "finished", "cancelled", "failed"]
T = TypeVar("T")
_ID: Final = re.compile(r"[0-9a-f]{32}")


class Asked(msgspec.Struct, frozen=True):
    """run.json."""

    strategies: list[StrategyName]
    codes: int
    processes: int
    started_at: datetime
    ticket: str  # who has it may read the report: a frame and a download send no key


class Progress(msgspec.Struct, frozen=True):
    """progress.json."""

    strategy: str
    step: int
    of: int
    finished: bool = False
    error: str | None = None


class End(msgspec.Struct, frozen=True):
    """end.json."""

    state: State
    message: str | None = None


class Run(msgspec.Struct, frozen=True):
    """How a run stands."""

    id: str
    asked: Asked
    progress: Progress | None
    end: End


def find_run(runs: Path, run_id: str) -> Run | None:
    """A run by its id; None when there is none, or the id is not one."""
    if _ID.fullmatch(run_id) is None:
        return None
    directory = runs / run_id
    asked = read_json(directory / "run.json", Asked)
    if asked is None:
        return None
    if _is_locked(directory):  # even if it has written its end: until it is gone none can start
        end = End("running")
    else:
        killed = End("failed", "It was killed before its end.")
        end = read_json(directory / "end.json", End) or killed
    return Run(run_id, asked, read_json(directory / "progress.json", Progress), end)


def list_runs(runs: Path) -> list[Run]:
    """All runs that are kept, the latest first."""
    found = [find_run(runs, path.name) for path in runs.glob("*")]
    return sorted(
        (run for run in found if run is not None),
        key=lambda run: run.asked.started_at,
        reverse=True,
    )


def remove_old_runs(runs: Path) -> None:
    """Make room for one more. For the holder of `sole_runner` only: it deletes all but the latest,
    and what is not a whole run.
    """
    kept = {run.id for run in list_runs(runs)[: MOST_RUNS - 1]}
    for path in runs.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the flock of a directory; a child that is given the descriptor goes on holding it.

    Raises:
        BlockingIOError: another process holds it.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield fd
    finally:
        os.close(fd)


def read_json(path: Path, kind: type[T]) -> T | None:
    """A file as a `kind`; None when it is not there, or is just being written."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_json(path: Path, content: msgspec.Struct) -> None:
    """Make or replace a file in one step."""
    fresh = path.with_name(f".{path.name}")
    fresh.write_bytes(msgspec.json.encode(content))
    fresh.replace(path)


def _is_locked(directory: Path) -> bool:
    try:
        fd = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:  # a new run has just made room for itself
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
