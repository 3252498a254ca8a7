"""Links in the memory of one web process: bounded in number and in time, emptied by Redis's word.

What must always hold: an entry that was read before a change is not there once the change was
announced. A reader takes a ticket before it looks anywhere. When its answer comes back, the entry
is refused if the code was dropped since, or if so much was dropped that nobody remembers.

Entries are of two generations. New ones join the younger; when that is half the table, the older is
forgotten and the younger takes its place. What is asked for again comes back as new when its time
is over, and to make room takes no search. (In a single dict the search for its oldest entry begins
at the gaps of all that were there before: up to 120 us measured instead of two.) The price: a full
table holds between half and all of its entries, and hits as often as one queue of three quarters.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from app.cache.cached_link import CachedLink

# While Redis announces changes, this only bounds what a lost announcement could do.
FRESH_S: Final = 60.0
# While it does not: the longest that an old target may be served.
FRESH_WITHOUT_NEWS_S: Final = 1.0
MOST_ENTRIES: Final = 100_000
MOST_DROPS_REMEMBERED: Final = 10_000
# Entries put within this share of their time have their times in common, which takes a sixth off
# the memory of each: all end with the first of them.
TOGETHER: Final = 1 / 600


class Times(msgspec.Struct, frozen=True, gc=False):
    """When entries were put and until when they hold, by the table's clock."""

    began: float
    end: float


class HotEntry(msgspec.Struct, frozen=True, gc=False):
    """A link in memory, and the times of all that were put together with it."""

    target_url: str
    times: Times


_LONG_AGO: Final = Times(-math.inf, -math.inf)


class HotTable:
    """Targets by path, such as "/aB3xY7k". Thread-safe; `get` takes no lock."""

    def __init__(
        self, most_entries: int = MOST_ENTRIES, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Make an empty table, without news.

        Args:
            most_entries: at least two. The last half of so many that were put are there, unless
                they were dropped.
            now_s: a clock in seconds that never steps back.
        """
        self._most_young = most_entries // 2
        self.clock_s = now_s
        self._young: dict[str, HotEntry] = {}
        self._old: dict[str, HotEntry] = {}
        self._gone: dict[str, HotEntry] = {}  # freed bit by bit
        self._drops: dict[str, int] = {}  # path -> number of the drop
        self._drop_count = 0
        self.hits = 0  # times that `get` had an answer
        self._forgotten = 0  # drops up to this number are no longer remembered by their path
        self._fresh_s = FRESH_WITHOUT_NEWS_S
        self._times = _LONG_AGO
        self._lock = threading.Lock()

    def get(self, path: str) -> str | None:
        """Where a path leads, or None when that must be looked up."""
        # Not by way of `find_entry`: a call costs as much as the look-up.
        entry = self._young.get(path) or self._old.get(path)
        if entry is None or entry.times.end <= self.clock_s():
            return None
        self.hits += 1  # without a lock: at worst a metric is short by one
        return entry.target_url

    def find_entry(self, path: str) -> HotEntry | None:
        """What is remembered of a path, with its times; None when that is over."""
        entry = self._young.get(path) or self._old.get(path)
        return None if entry is None or entry.times.end <= self.clock_s() else entry

    def last_change(self, path: str) -> int:
        """A number that grows whenever a path may have changed; for those who share look-ups."""
        return max(self._drops.get(path, 0), self._forgotten)

    def ticket(self) -> int:
        """Take one before looking a code up, and give it to `put`."""
        return self._drop_count

    def put(self, path: str, link: CachedLink, ticket: int, now: float) -> None:
        """Remember where a link leads, unless it was changed since the ticket was taken.

        Args:
            path: the code, after a slash.
            link: one that redirects at present.
            ticket: from before the look-up.
            now: Unix time in seconds; the entry ends with the link.
        """
        fresh_s = self._fresh_s
        if link.expires_at is not None:
            fresh_s = min(fresh_s, link.expires_at - now)
        if link.target_url is None or fresh_s <= 0:
            return
        with self._lock:
            if ticket < self._forgotten or self._drops.get(path, 0) > ticket:
                return
            if len(self._young) >= self._most_young and path not in self._young:
                self._gone, self._old, self._young = self._old, self._young, {}
            if self._gone:
                self._gone.popitem()  # all at once took 20 ms
            else:
                self._gone = {}  # an emptied dict keeps its room
            self._old.pop(path, None)
            self._young[path] = HotEntry(link.target_url, self._times_for(fresh_s))

    def drop(self, path: str) -> None:
        """The link was changed: forget it."""
        with self._lock:
            if len(self._drops) >= MOST_DROPS_REMEMBERED:
                self._forgotten = self._drop_count  # first: `last_change` takes no lock
                self._drops.clear()
            self._drop_count += 1
            self._drops[path] = self._drop_count
            self._young.pop(path, None)
            self._old.pop(path, None)

    def clear(self, *, has_news: bool) -> None:
        """Forget everything: changes may have been missed.

        Args:
            has_news: whether changes are announced from now on.
        """
        with self._lock:
            self._drop_count += 1
            self._forgotten = self._drop_count
            self._drops.clear()
            self._young.clear()
            self._old.clear()
            self._gone.clear()
            self._fresh_s = FRESH_S if has_news else FRESH_WITHOUT_NEWS_S
            self._times = _LONG_AGO

    def _times_for(self, fresh_s: float) -> Times:
        """Of an entry that is put now and holds for `fresh_s`, or a little less."""
        now_s = self.clock_s()
        if fresh_s < self._fresh_s:  # it ends with its link
            return Times(now_s, now_s + fresh_s)
        if now_s - self._times.began > fresh_s * TOGETHER:
            self._times = Times(now_s, now_s + fresh_s)
        return self._times

    def __len__(self) -> int:
        """How many links are remembered."""
        return len(self._young) + len(self._old)
