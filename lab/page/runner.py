"""Starts experiments, one at a time, and reads how they stand from their directories.

A run is a directory, named by its id: log.jsonl, the report, and `cancel` once it is to stop. The
log has what was asked for in its first line; below, the run's process prints, with the log locked
(flock) while it lives. A log without lock and without an end is that of a killed run.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from app.errors import RunInProgressError
from app.settings import PREFIX
from lab.report.progress import Progress

MOST_RUNS: Final = 5
_LINES: Final = msgspec.json.Decoder(dict[str, Any])
_KILLED: Final = {"error": "It was killed before its end."}
_STATES: Final = {"progress": "running", "result": "finished", "error": "failed"}


class Run(msgspec.Struct, frozen=True):
    """A run. Its id is a secret of 128 bits: who has it may read the report."""

    id: str
    experiment: str
    options: dict[str, Any]
    started_at: datetime
    state: Literal["running", "finished", "cancelled", "failed"] = "running"
    message: str = ""
    progress: Progress | None = None


@dataclass(slots=True)
class Runner:
    """The runs in one directory; safe across threads and processes, by locks of files."""

    runs: Path  # created when it is needed
    command: Sequence[str] = (sys.executable, "-m", "lab.page.experiment")
    longest_s: float = 300
    process: subprocess.Popen[bytes] | None = None  # our last run

    def start(self, experiment: str, options: msgspec.Struct) -> Run:
        """Start a run; delete the oldest ones.

        Raises:
            RunInProgressError: one is running already, whichever process started it.
            OSError: the directory cannot be written to.
        """
        self.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.runs / "lock").open("w") as lock:
            is_sole_starter = _try_lock(lock, fcntl.LOCK_EX)
            kept = self.list_runs()[: MOST_RUNS - 1]
            if not is_sole_starter or any(run.state == "running" for run in kept):
                raise RunInProgressError("One experiment runs at a time; one does now.")
            self.close()  # our last one has ended and only needs reaping
            for path in self.runs.iterdir():
                if path.is_dir() and path.name not in {run.id for run in kept}:
                    shutil.rmtree(path, ignore_errors=True)
            chosen = msgspec.to_builtins(options)
            run = Run(secrets.token_hex(16), experiment, chosen, datetime.now(UTC))
            self.process = self._spawn(run)
            return run

    def find_run(self, run_id: str) -> Run | None:
        """A run by its id; None when there is none."""
        if re.fullmatch(r"[0-9a-f]{32}", run_id) is None:
            return None
        try:
            with (self.runs / run_id / "log.jsonl").open("rb") as log:
                is_running = not _try_lock(log, fcntl.LOCK_SH)
                text = log.read()
            first, *lines = _LINES.decode_lines(text[: text.rfind(b"\n") + 1])
        except (FileNotFoundError, ValueError):  # it was just deleted, or is just being made
            return None
        told = [line["progress"] for line in lines if "progress" in line] or [None]
        end = next((line for line in lines if "progress" not in line), _KILLED)
        # Until its lock is gone it runs, even if it has told its end: no other one can start.
        [(kind, message)] = {"progress": ""}.items() if is_running else end.items()
        stands = {"state": _STATES.get(kind, kind), "message": message, "progress": told[-1]}
        return msgspec.convert(first | stands, Run)

    def list_runs(self) -> list[Run]:
        """All runs that are kept, the latest first."""
        runs = [run for path in self.runs.glob("*") if (run := self.find_run(path.name))]
        return sorted(runs, key=lambda run: run.started_at, reverse=True)

    def cancel(self, run: Run) -> None:
        """Ask a run to stop, whichever process started it; it stops within seconds."""
        (self.runs / run.id / "cancel").touch()

    def close(self) -> None:
        """Stop the run that this process has started, and wait for its end."""
        process, self.process = self.process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(8)  # the run gives itself 5
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what a killed run has left behind
            process.wait()

    def _spawn(self, run: Run) -> subprocess.Popen[bytes]:
        directory = self.runs / run.id
        directory.mkdir(mode=0o700)
        options = msgspec.json.encode(run.options).decode()
        # A run has servers of its own: our settings and passwords are none of its business.
        environ = {k: text for k, text in os.environ.items() if not k.startswith((PREFIX, "PG"))}
        log_file = directory / "log.jsonl"
        with log_file.open("ab", buffering=0) as log, log_file.open("ab") as stdout:
            fcntl.flock(log, fcntl.LOCK_EX)  # held as long as `log` is open here or in the run
            log.write(msgspec.json.encode(run) + b"\n")
            return subprocess.Popen(
                [*self.command, run.experiment, options, str(directory), str(self.longest_s)],
                stdin=subprocess.PIPE,
                stdout=stdout,  # which the run's own children inherit, without the lock
                pass_fds=(log.fileno(),),
                env=environ,
                start_new_session=True,  # Ctrl-C reaches the web process, which stops it in order
            )


def _try_lock(file: IO[Any], operation: int) -> bool:
    """Take the lock of an open file until it is closed; False when another process holds it."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, operation | fcntl.LOCK_NB)
        return True
    return False
