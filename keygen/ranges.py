"""Ids without coordination: a process takes a range of ids and hands them out from memory.

Invariants:
1. No id is handed out twice, by any thread of any process: the source never gives overlapping
   ranges, and within a process `_next` only moves forward, under the lock.
2. No id outside a reserved range is handed out.
3. A reserved id that is not handed out is lost when the process ends. Gaps are normal.

The idea is that of Hi/Lo and of segment mode in Meituan's Leaf: one round trip per range, the next
range fetched in the background before the present one runs out, a short wait when a burst empties
both, and a size that follows the demand (https://tech.meituan.com/2017/04/21/mt-leaf.html).
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from keygen.errors import CodesUnavailableError

# The next range is asked for when this share of the present one is left.
PREFETCH_SHARE: Final = 0.2
# A range that lasts less than the first was too small, one that lasts more than the second too big.
SHORT_S: Final = 60.0
LONG_S: Final = 3_600.0
RETRY_FIRST_S: Final = 0.05
RETRY_LONGEST_S: Final = 1.0


class RangesUnavailableError(CodesUnavailableError):
    """The ranges in hand are used up and no other can be had at present."""


class RangeSource(Protocol):
    """What the allocator needs from a database."""

    def reserve_range(self, size: int) -> range:
        """Reserve `size` consecutive ids that nobody else has or will get."""
        ...


class RangeAllocator:
    """Hands out ids from reserved ranges. One per process, opened after fork; thread-safe."""

    def __init__(
        self,
        source: RangeSource,
        size: int = 10_000,
        wait_s: float = 2.0,
        *,
        min_size: int | None = None,
        max_size: int | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without a range; the first one is fetched when the first id is asked for.

        Args:
            source: gives ranges; called on a background thread, one call at a time.
            size: ids in the first range, at least 1.
            wait_s: how long `next_id` waits if no id is in hand.
            min_size: lower bound of the adapted size; `size` if not given.
            max_size: upper bound of the adapted size; `size` if not given.
            now_s: a clock in seconds that never steps back, to measure how long a range lasts.
        """
        self._min_size = size if min_size is None else min_size
        self._max_size = size if max_size is None else max_size
        if not 1 <= self._min_size <= size <= self._max_size:
            raise ValueError(
                "a range has at least one id, and its size lies within its bounds: got"
                f" {self._min_size} <= {size} <= {self._max_size}"
            )
        self._source = source
        self._size = size
        self._wait_s = wait_s
        self._now_s = now_s
        self._started_s: float | None = None  # when the range in use was started
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._next = 0
        self._stop = 0
        self._alarm = 0  # from this id on, next_id() takes the slow path
        self._standby: range | None = None
        self._fetching = False
        self._failure: Exception | None = None
        self._wake_fetch = threading.Event()
        self._closed = False

    def next_id(self) -> int:
        """The next id. No I/O on the caller's thread; a short wait if a burst emptied the ranges.

        Raises:
            RangesUnavailableError: no id in hand, and the source fails or takes longer than
                `wait_s`.
        """
        with self._lock:
            if self._next >= self._alarm:
                self._refill()
            id_ = self._next
            self._next = id_ + 1
            return id_

    def in_hand(self) -> int:
        """The number of reserved ids not handed out: what a crash would waste now."""
        with self._lock:
            standby = len(self._standby) if self._standby is not None else 0
            return self._stop - self._next + standby

    def close(self) -> None:
        """Stop fetching. The ids in hand become a gap."""
        self._closed = True
        self._wake_fetch.set()

    def _refill(self) -> None:
        """Leave `_next` on an id that may be handed out. Called with the lock held.

        The lock is free while this waits, and another caller may use up what it waited for. So each
        round looks at everything again.
        """
        deadline_s = time.monotonic() + self._wait_s
        if self._next >= self._stop:
            # An earlier failure says nothing about now: have the fetch retried at once.
            self._failure = None
            self._wake_fetch.set()
        while self._next >= self._alarm:
            if self._standby is None and not self._fetching:
                self._fetching = True
                threading.Thread(target=self._fetch, name="range-fetch", daemon=True).start()
            if self._next < self._stop:
                self._alarm = self._stop
            elif self._standby is not None:
                self._start(self._standby)
            else:
                self._wait(deadline_s)

    def _start(self, fetched: range) -> None:
        self._fit_size()
        self._next, self._stop, self._standby = fetched.start, fetched.stop, None
        self._alarm = self._stop - int(len(fetched) * PREFETCH_SHARE)

    def _fit_size(self) -> None:
        """Double or halve the size of the next range, by how long this one lasted."""
        now_s = self._now_s()
        if self._started_s is not None:
            lasted_s = now_s - self._started_s
            if lasted_s < SHORT_S:
                self._size = min(self._size * 2, self._max_size)
            elif lasted_s > LONG_S:
                self._size = max(self._size // 2, self._min_size)
        self._started_s = now_s

    def _wait(self, deadline_s: float) -> None:
        """Release the lock until something has changed."""
        if self._failure is not None:
            raise RangesUnavailableError(
                "no id is left and the next range failed"
            ) from self._failure
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise RangesUnavailableError(f"no id is left and none came in {self._wait_s} s")
        self._changed.wait(left_s)

    def _fetch(self) -> None:
        """Fetch one range, retrying until it is there. Callers use up the ids in hand meanwhile."""
        pause_s = RETRY_FIRST_S
        while not self._closed:
            self._wake_fetch.clear()
            try:
                fetched = self._source.reserve_range(self._size)
            except Exception as error:  # noqa: BLE001 - callers who wait are told
                with self._lock:
                    self._failure = error
                    self._changed.notify_all()
                self._wake_fetch.wait(random.uniform(pause_s / 2, pause_s))
                pause_s = min(pause_s * 2, RETRY_LONGEST_S)
            else:
                with self._lock:
                    self._standby, self._failure, self._fetching = fetched, None, False
                    self._changed.notify_all()
                return
        with self._lock:
            self._fetching = False
