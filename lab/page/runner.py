"""Starts comparisons: each is a child process of its own, watched over by `lab.page.watcher`."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.errors import RunInProgressError
from app.settings import PREFIX, Settings
from keygen.strategies import StrategyName
from lab.page.run_files import (
    Asked,
    Run,
    find_run,
    locked,
    remove_old_runs,
    write_json,
)

COMPARE: Final = (sys.executable, "-m", "cli.main", "keygen", "compare")
LONGEST_S: Final = 300
STOPPED_WITHIN_S: Final = 8.0


class Runner:
    """The runs in one directory, at most one at a time whichever web process is asked.

    Safe across threads and processes: the lock of the directory decides who may start.
    """

    def __init__(
        self, runs: Path, command: Sequence[str] = COMPARE, longest_s: float = LONGEST_S
    ) -> None:
        """Make one.

        Args:
            runs: where runs are kept; made when it is needed.
            command: what measures, to which the options of `hop keygen compare` are added.
            longest_s: after so many seconds a run is stopped.
        """
        self.runs = runs
        self._command = tuple(command)
        self._longest_s = longest_s
        self._watcher: subprocess.Popen[bytes] | None = None

    def start(self, strategies: Sequence[StrategyName], codes: int, processes: int) -> Run:
        """Start a run; the oldest ones are deleted.

        Raises:
            RunInProgressError: one runs already.
            OSError: the directory cannot be written to.
        """
        self.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        asked = Asked(list(strategies), codes, processes, datetime.now(UTC), secrets.token_hex(16))
        directory = self.runs / secrets.token_hex(16)
        with contextlib.ExitStack() as stack:
            try:
                # Taken first, so given up first: descriptors are closed in the order of numbers.
                sole = stack.enter_context(locked(self.runs))
            except BlockingIOError as error:
                raise RunInProgressError("One comparison runs at a time; one does now.") from error
            self.wait()  # for our last one, which has given up the lock and only needs reaping
            remove_old_runs(self.runs)
            directory.mkdir(mode=0o700)
            alive = stack.enter_context(locked(directory))
            write_json(directory / "run.json", asked)
            self._watcher = self._spawn(directory, asked, (sole, alive))
        found = find_run(self.runs, directory.name)
        assert found is not None
        return found

    def cancel(self, run: Run) -> None:
        """Ask a run to stop; its watcher, wherever it was started, sees to it within a second."""
        (self.runs / run.id / "cancel").touch()

    def stop(self) -> None:
        """Ask the run that this process has started to stop; returns at once."""
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()

    def wait(self) -> None:
        """Wait until it has stopped."""
        if self._watcher is not None:
            self.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._watcher.wait(STOPPED_WITHIN_S)

    def _spawn(
        self, directory: Path, asked: Asked, locks: tuple[int, int]
    ) -> subprocess.Popen[bytes]:
        options = (
            *("--strategies", ",".join(asked.strategies), "--codes", str(asked.codes)),
            *("--processes", str(asked.processes), "--report", str(directory)),
        )
        watch = (sys.executable, "-m", "lab.page.watcher", str(directory), str(self._longest_s))
        # A comparison has servers of its own: no setting and no password of ours is its business.
        environ = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        return subprocess.Popen(
            [*watch, *self._command, *options],
            stdin=subprocess.PIPE,  # closed by the kernel when this process dies: a sign to stop
            stdout=subprocess.DEVNULL,
            env=environ,
            pass_fds=locks,
            # Ctrl-C in a terminal reaches the web process, which stops it in order.
            start_new_session=True,
        )


def open_runner(settings: Settings) -> Runner:
    """The runner of a web process."""
    directory = Path(settings.lab_dir or Path(settings.journal_dir).parent / "lab")
    return Runner(directory.resolve())
