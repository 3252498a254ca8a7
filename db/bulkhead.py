"""Leaves some threads to those who need no server: a bulkhead (Nygard, Release It!, 2007)."""

import threading
from types import TracebackType

from db.breaker import Breaker
from db.errors import DatabaseUnavailableError


class _Held(threading.local):
    """How often this thread has entered."""

    depth = 0


class Bulkhead:
    """A number of places for threads that wait for Postgres. Thread-safe; a thread has one."""

    def __init__(self, places: int, breaker: Breaker, wait_s: float = 0.15) -> None:
        """All places are free.

        Args:
            places: fewer than the process has threads.
            breaker: before Postgres. Who finds no place tells it of a failure: threads that wait
                for one another's query, as group commit lets them, do not notice that it hangs.
            wait_s: for a place. Long enough for a query, and for no hang.
        """
        self._places = threading.BoundedSemaphore(places)
        self._breaker = breaker
        self._wait_s = wait_s
        self._held = _Held()

    def __enter__(self) -> None:
        """Take a place, or go on with the one that this thread has.

        Raises:
            DatabaseUnavailableError: there is none.
        """
        if self._held.depth == 0 and not self._places.acquire(timeout=self._wait_s):
            error = DatabaseUnavailableError("too many requests wait for Postgres")
            self._breaker.note_failure(error)
            raise error
        self._held.depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        self._held.depth -= 1
        if self._held.depth == 0:
            self._places.release()
