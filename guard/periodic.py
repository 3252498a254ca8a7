"""The thread that does what a web process must do beside answering: small jobs, again and again."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from guard.backoff import backoff_s

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S: Final = 5.0


@dataclass(slots=True, eq=False)
class Job:
    """Something to be done every so often. One that fails is tried again, at growing intervals."""

    name: str
    every_s: float
    do: Callable[[], None]
    failures: int = 0
    due: float = 0.0

    def run(self, expected: tuple[type[Exception], ...]) -> None:
        """Do it once, whatever happens, and note when it is due again."""
        pause_s = self.every_s
        try:
            self.do()
            self.failures = 0
        except expected as error:
            pause_s = self._note_failure()
            log.warning("put off", job=self.name, error=str(error), failures=self.failures)
        except Exception:
            pause_s = self._note_failure()
            log.exception("a job met an error that it does not know", job=self.name)
        self.due = time.monotonic() + pause_s

    def _note_failure(self) -> float:
        self.failures += 1
        return backoff_s(self.failures, self.every_s, max(LONGEST_PAUSE_S, self.every_s))


class Housekeeper:
    """Runs jobs in turn, on one thread of its own.

    A job that waits for a server keeps the others waiting: what must not be late has a housekeeper
    of its own.
    """

    def __init__(self, jobs: list[Job], expected: tuple[type[Exception], ...] = ()) -> None:
        """Take the jobs.

        Args:
            jobs: in the order in which they are done when several are due.
            expected: what a job raises when a server or disk is away: logged without a traceback.
        """
        self._jobs = jobs
        self._expected = expected
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        """Start the thread. After fork, never before."""
        self._thread.start()

    def close(self) -> None:
        """Finish the job at hand and stop."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for job in self._jobs:
                if job.due <= time.monotonic() and not self._stopping.is_set():
                    job.run(self._expected)
            self._stopping.wait(min(job.due for job in self._jobs) - time.monotonic())
