"""Leaves some threads to those who need no server: a bulkhead (Nygard, Release It!, 2007)."""

import threading
import time
from collections.abc import Callable
from types import TracebackType

from guard.breaker import Breaker


class NoPlaceError(Exception):
    """As many threads wait for the server as may."""


class _Held(threading.local):
    """How often this thread has entered."""

    depth = 0


class Bulkhead:
    """A number of places for threads that wait for Postgres. Thread-safe; a thread has one."""

    def __init__(
        self,
        places: int,
        breaker: Breaker,
        wait_s: float = 0.15,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """All places are free.

        Args:
            places: fewer than the process has threads.
            breaker: before Postgres. Who finds no place tells it of a failure: threads that wait
                for one another's query, as group commit lets them, do not notice that it hangs.
            wait_s: for a place. Long enough for a query, and for no hang.
            now_s: a clock in seconds that never steps back.
        """
        self._places = places
        self._breaker = breaker
        self._wait_s = wait_s
        self._now_s = now_s
        self._taken = 0
        self._moved_s = 0.0  # when a place was given back, or taken while most were free
        self._changed = threading.Condition(threading.Lock())
        self._held = _Held()

    def __enter__(self) -> None:
        """Take a place, or go on with the one that this thread has.

        Raises:
            NoPlaceError: there is none.
        """
        if self._held.depth == 0 and not self._take():
            error = NoPlaceError("too many requests wait for Postgres")
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
            with self._changed:
                self._taken -= 1
                self._moved_s = self._now_s()
                self._changed.notify()

    def _take(self) -> bool:
        """Wait for a place while others are given back; False: none is, or not soon enough.

        Where nothing has moved for as long as one would wait, nobody begins to: those who wait
        take the threads that the bulkhead is there to leave free.
        """
        with self._changed:
            begun_s = self._now_s()
            if 2 * self._taken < self._places:  # a burst is no hang
                self._moved_s = begun_s
            while self._taken >= self._places:
                left_s = min(begun_s, self._moved_s) + self._wait_s - self._now_s()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            self._taken += 1
            return True
