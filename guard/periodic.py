"""Periodic jobs: what a process does besides answering, on a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from guard.backoff import backoff_s

log = structlog.get_logger(__name__)

MAX_PAUSE_S: Final = 5.0


@dataclass(slots=True, eq=False)
class Job:
    """Something to do every `every_s` seconds. After a failure it is retried with back-off."""

    name: str
    every_s: float
    do: Callable[[], None]
    failures: int = 0
    due_s: float = 0.0

    def run(self, expected: tuple[type[Exception], ...]) -> None:
        """Do it once and set when it is due again; raises nothing.

        Args:
            expected: errors that are logged as a warning, without a traceback.
        """
        pause_s = self.every_s
        try:
            self.do()
            self.failures = 0
        except expected as error:
            pause_s = self._note_failure()
            log.warning("job failed", job=self.name, error=str(error), failures=self.failures)
        except Exception:
            pause_s = self._note_failure()
            log.exception("job failed unexpectedly", job=self.name)
        self.due_s = time.monotonic() + pause_s

    def _note_failure(self) -> float:
        self.failures += 1
        return backoff_s(self.failures, self.every_s, max(MAX_PAUSE_S, self.every_s))


class JobThread:
    """Runs jobs in turn on one thread.

    A job that waits for a server delays the others: give urgent jobs their own thread.
    """

    def __init__(self, jobs: Sequence[Job], expected: tuple[type[Exception], ...] = ()) -> None:
        """Set up the thread; `start` starts it.

        Args:
            jobs: in the order in which they run when several are due.
            expected: what a job raises while a server or the disk is away.
        """
        self._jobs = jobs
        self._expected = expected
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="periodic jobs", daemon=True)

    def start(self) -> None:
        """Start the thread. After fork, never before."""
        self._thread.start()

    def close(self) -> None:
        """Finish the job under way and stop."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for job in self._jobs:
                if job.due_s <= time.monotonic() and not self._stopping.is_set():
                    job.run(self._expected)
            self._stopping.wait(min(job.due_s for job in self._jobs) - time.monotonic())
