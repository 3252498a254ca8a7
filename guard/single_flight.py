"""One look-up per key at a time: whoever asks meanwhile gets its answer (single flight)."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# Nobody joins a look-up that is older, or waits longer for it: it may have read what was changed
# since, and while Redis is away an old target may be served for one second in all.
JOIN_WITHIN_S: Final = 0.5


class Flights(Generic[T]):
    """The look-ups that are under way in this process. Thread-safe."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; `now_s` is a clock in seconds that never steps back."""
        self._now_s = now_s
        self._flying: dict[Hashable, tuple[float, Future[T]]] = {}
        self._lock = threading.Lock()

    def share(
        self, key: Hashable, look_up: Callable[[], T], instead: T | None = None
    ) -> tuple[T, bool]:
        """Look up, or wait for the look-up of the same key that is under way.

        Args:
            key: whose answers are the same.
            look_up: to be done when nobody else does it.
            instead: the answer for those who would have to wait; None to let them wait.

        Returns:
            The answer, and whether it was our own look-up.

        Raises:
            TimeoutError: that of the other did not end in time.
            Exception: what the look-up raised, for all who wait for it.
        """
        flight: Future[T] = Future()
        with self._lock:
            began, other = self._flying.get(key, (0.0, None))
            if other is None or self._now_s() - began > JOIN_WITHIN_S:
                other = None
                self._flying[key] = self._now_s(), flight
        if other is not None and instead is not None:
            return instead, False
        if other is not None:
            return other.result(JOIN_WITHIN_S), False
        try:
            flight.set_result(look_up())
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                if self._flying.get(key, (0.0, None))[1] is flight:  # else it was replaced
                    del self._flying[key]
        return flight.result(), True
