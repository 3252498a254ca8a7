"""A bulkhead: bounds the threads that wait for a server (Nygard, Release It!, 2007).

The other threads of the process stay free for requests that do not need that server.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType

from guard.breaker import Breaker


class BulkheadFullError(Exception):
    """As many threads wait for the server as may."""


class _Held(threading.local):
    """How often this thread has entered."""

    depth = 0


class Bulkhead:
    """A number of places for threads that wait for a server. Thread-safe and re-entrant."""

    def __init__(
        self,
        places: int,
        breaker: Breaker,
        wait_s: float = 0.15,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with all places free.

        Args:
            places: fewer than the process has threads.
            breaker: of the server. A full bulkhead counts as a failure: threads that wait for
                another thread's query, as in a group commit, do not notice that it hangs.
            wait_s: how long to wait for a place: long enough for a query, too short for a hang.
            now_s: a clock in seconds that never steps back.
        """
        self._places = places
        self._breaker = breaker
        self._wait_s = wait_s
        self._now_s = now_s
        self._taken = 0
        self._last_progress_s = (
            0.0  # when a place was last freed, or requested while most were free
        )
        self._changed = threading.Condition(threading.Lock())
        self._held = _Held()

    def __enter__(self) -> None:
        """Take a place, or keep the one that this thread holds.

        Raises:
            BulkheadFullError: no place became free in time.
        """
        if self._held.depth == 0 and not self._take():
            error = BulkheadFullError("too many requests wait for the server")
            self._breaker.note_failure(error)
            raise error
        self._held.depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the place back."""
        self._held.depth -= 1
        if self._held.depth == 0:
            with self._changed:
                self._taken -= 1
                self._last_progress_s = self._now_s()
                self._changed.notify()

    def _take(self) -> bool:
        """Wait for a place while others are given back; False if none becomes free in time.

        Without progress for `wait_s`, the server hangs and nobody starts to wait: a waiting
        thread is one that the bulkhead exists to keep free.
        """
        with self._changed:
            started_s = self._now_s()
            if 2 * self._taken < self._places:  # a burst, not a hang
                self._last_progress_s = started_s
            while self._taken >= self._places:
                left_s = min(started_s, self._last_progress_s) + self._wait_s - self._now_s()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            self._taken += 1
            return True

    def __len__(self) -> int:
        """The number of places taken."""
        return self._taken
