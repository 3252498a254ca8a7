"""Starts experiments, one at a time, and reads their state from their directories.

A run is a directory named by its id. It contains log.jsonl, the report, and an empty file `cancel`
once the run is to stop. The first line of the log is the run as it was started; the run's process
prints the others, and holds a lock (flock) on the log while it lives. A log with neither a lock nor
an outcome belongs to a run that was killed.
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

MAX_RUNS: Final = 5
_LINES: Final = msgspec.json.Decoder(dict[str, Any])
_KILLED: Final = {"error": "The run was killed."}
_STATES: Final = {"progress": "running", "result": "finished", "error": "failed"}


class Run(msgspec.Struct, frozen=True):
    """A run of an experiment. Its id is a 128-bit secret that gives access to the report."""

    id: str
    experiment: str
    options: dict[str, Any]
    started_at: datetime
    state: Literal["running", "finished", "cancelled", "failed"] = "running"
    message: str = ""
    progress: Progress | None = None


@dataclass(slots=True)
class Runner:
    """The runs in a directory. Safe across threads and processes by file locks."""

    runs: Path  # the directory; created by the first run
    command: Sequence[str] = (sys.executable, "-m", "lab.page.experiment")
    timeout_s: float = 300  # of a run
    process: subprocess.Popen[bytes] | None = None  # the last run started here

    def start(self, experiment: str, options: msgspec.Struct) -> Run:
        """Start a run of a key of EXPERIMENTS, and delete all but the latest `MAX_RUNS`.

        Raises:
            RunInProgressError: a run started by any process is still running.
            OSError: the directory cannot be written to.
        """
        self.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.runs / "lock").open("w") as lock:
            is_sole_starter = _try_lock(lock, fcntl.LOCK_EX)
            kept = self.list_runs()[: MAX_RUNS - 1]
            if not is_sole_starter or any(run.state == "running" for run in kept):
                raise RunInProgressError("Another experiment is running.")
            self.close()  # the last run has ended; reap its process
            for path in self.runs.iterdir():
                if path.is_dir() and path.name not in {run.id for run in kept}:
                    shutil.rmtree(path, ignore_errors=True)
            chosen = msgspec.to_builtins(options)
            run = Run(secrets.token_hex(16), experiment, chosen, datetime.now(UTC))
            self.process = self._spawn(run)
            return run

    def find_run(self, run_id: str) -> Run | None:
        """Read the state of a run; None if there is no run with this id."""
        if re.fullmatch(r"[0-9a-f]{32}", run_id) is None:
            return None
        try:
            with (self.runs / run_id / "log.jsonl").open("rb") as log:
                is_running = not _try_lock(log, fcntl.LOCK_SH)
                text = log.read()
            first, *lines = _LINES.decode_lines(text[: text.rfind(b"\n") + 1])
        except (FileNotFoundError, ValueError):  # it is being created or deleted
            return None
        progress = [line["progress"] for line in lines if "progress" in line] or [None]
        outcome = next((line for line in lines if "progress" not in line), _KILLED)
        # While the log is locked no other run can start: this one counts as running.
        [(kind, message)] = {"progress": ""}.items() if is_running else outcome.items()
        state = {"state": _STATES.get(kind, kind), "message": message, "progress": progress[-1]}
        return msgspec.convert(first | state, Run)

    def list_runs(self) -> list[Run]:
        """Read all kept runs, latest first."""
        runs = [run for path in self.runs.glob("*") if (run := self.find_run(path.name))]
        return sorted(runs, key=lambda run: run.started_at, reverse=True)

    def cancel(self, run: Run) -> None:
        """Ask a run to stop; any process may, and the run stops within seconds."""
        (self.runs / run.id / "cancel").touch()

    def close(self) -> None:
        """Stop the run that this process started, if any, and wait up to 8 s before killing it."""
        process, self.process = self.process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(8)  # the run kills itself after 5 s
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also children that a killed run left
            process.wait()

    def _spawn(self, run: Run) -> subprocess.Popen[bytes]:
        directory = self.runs / run.id
        directory.mkdir(mode=0o700)
        options = msgspec.json.encode(run.options).decode()
        # A run starts its own servers and must not see hop's settings and passwords.
        environ = {k: text for k, text in os.environ.items() if not k.startswith((PREFIX, "PG"))}
        log_file = directory / "log.jsonl"
        with log_file.open("ab", buffering=0) as log, log_file.open("ab") as stdout:
            fcntl.flock(log, fcntl.LOCK_EX)  # held while `log` is open here or in the run
            log.write(msgspec.json.encode(run) + b"\n")
            return subprocess.Popen(
                [*self.command, run.experiment, options, str(directory), str(self.timeout_s)],
                stdin=subprocess.PIPE,
                stdout=stdout,  # a file of its own: children inherit it, and must not get the lock
                pass_fds=(log.fileno(),),
                env=environ,
                start_new_session=True,  # Ctrl-C goes to the web process, which stops the run
            )


def _try_lock(file: IO[Any], operation: int) -> bool:
    """Lock an open file until it is closed; False if another holder's lock conflicts."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, operation | fcntl.LOCK_NB)
        return True
    return False
