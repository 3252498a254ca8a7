"""Single flight: of all threads that look up the same thing at once, one does it for all.

The name is that of Go's package golang.org/x/sync/singleflight.
"""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

T = TypeVar("T")

# A look-up that is older than this is not joined, nor waited for longer: it may have read what has
# been changed since.
JOIN_WITHIN_S: Final = 0.5


class SingleFlight(Generic[T]):
    """The look-ups under way in this process. Thread-safe."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `now_s` is a clock in seconds that never steps back."""
        self._now_s = now_s
        self._flights: dict[Hashable, tuple[float, Future[T]]] = {}  # start and answer, by key
        self._lock = threading.Lock()

    @contextmanager
    def join(self, key: Hashable) -> Iterator[tuple[Future[T], bool]]:
        """Lead the look-up of a key, or join the one under way.

        Args:
            key: look-ups with equal keys have the same answer.

        Yields:
            The answer, and whether the caller leads. A leader looks up and calls `set_result`
            within the block; whatever it raises reaches all who wait. The others wait for
            `result(JOIN_WITHIN_S)`.
        """
        mine: Future[T] = Future()
        with self._lock:
            started_s, answer = self._flights.get(key, (0.0, mine))
            leads = answer is mine or self._now_s() - started_s > JOIN_WITHIN_S
            if leads:
                answer = mine
                self._flights[key] = self._now_s(), mine
        try:
            yield answer, leads
        except BaseException as error:
            if leads and not mine.done():
                mine.set_exception(error)
            raise
        finally:
            if leads:
                mine.cancel()  # no effect on an answer
                with self._lock:
                    if self._flights.get(key, (0.0, None))[1] is mine:  # not replaced meanwhile
                        del self._flights[key]

    def __len__(self) -> int:
        """The number of look-ups under way."""
        return len(self._flights)
