"""Links in the memory of one web process, dropped when Redis announces a change.

Invariant: an entry that was read before a change is gone once the change is announced. A reader
takes a ticket before it looks a code up. Its answer is refused if the code was dropped since, or if
too many codes were dropped since to remember them all.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from app.cache.cached_link import CachedLink

# While invalidations arrive, this only bounds the effect of a lost one.
FRESH_S: Final = 60.0
# While they do not arrive: the longest that an old target may be served.
FRESH_UNTRACKED_S: Final = 1.0
MAX_ENTRIES: Final = 100_000
MAX_DROPS: Final = 10_000  # remembered by code


class MemoryEntry(msgspec.Struct, frozen=True, gc=False):
    """Where a path leads, until `ends_s` by the cache's clock."""

    target_url: str
    ends_s: float


class MemoryCache:
    """Targets by path, such as "/aB3xY7k". Thread-safe; `get` takes no lock."""

    def __init__(
        self, max_entries: int = MAX_ENTRIES, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Start empty, and without invalidations until `clear(is_tracked=True)`.

        Args:
            max_entries: when full, the entry that was put longest ago is evicted.
            now_s: a clock in seconds that never steps back.
        """
        self.now_s = now_s
        self.hits = 0  # answers of `get`
        self._max_entries = max_entries
        self._entries: OrderedDict[str, MemoryEntry] = OrderedDict()
        self.is_tracked = False  # whether invalidations arrive
        self._drops: dict[str, int] = {}  # path -> number of its last drop
        self._drop_count = 0
        self._forgotten = 0  # drops up to this number are no longer remembered by path
        self._lock = threading.Lock()

    def get(self, path: str) -> str | None:
        """Where a path leads, or None when that must be looked up."""
        entry = self.find(path)
        if entry is None:
            return None
        self.hits += 1  # without a lock: at worst a metric is one short
        return entry.target_url

    def find(self, path: str) -> MemoryEntry | None:
        """The entry of a path, unless it has ended. Counts no hit."""
        entry = self._entries.get(path)
        return None if entry is None or entry.ends_s <= self.now_s() else entry

    def last_change(self, path: str) -> int:
        """A number that grows whenever a path may have changed."""
        return max(self._drops.get(path, 0), self._forgotten)

    def ticket(self) -> int:
        """Take one before looking a code up, and pass it to `put`."""
        return self._drop_count

    def put(self, path: str, link: CachedLink, ticket: int, now: float) -> None:
        """Remember where a link leads, unless it has changed since the ticket was taken.

        Args:
            path: the code after a slash.
            link: ignored unless it redirects now.
            ticket: from before the look-up.
            now: Unix time in seconds; the entry ends with the link.
        """
        fresh_s = FRESH_S if self.is_tracked else FRESH_UNTRACKED_S
        if link.expires_at is not None:
            fresh_s = min(fresh_s, link.expires_at - now)
        if link.target_url is None or not link.enabled or fresh_s <= 0:
            return
        with self._lock:
            if ticket < self._forgotten or self._drops.get(path, 0) > ticket:
                return
            self._entries[path] = MemoryEntry(link.target_url, self.now_s() + fresh_s)
            self._entries.move_to_end(path)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def drop(self, path: str) -> None:
        """Forget a link that has changed."""
        with self._lock:
            if len(self._drops) >= MAX_DROPS:
                self._forgotten = self._drop_count  # first: `last_change` takes no lock
                self._drops.clear()
            self._drop_count += 1
            self._drops[path] = self._drop_count
            self._entries.pop(path, None)

    def clear(self, *, is_tracked: bool) -> None:
        """Forget everything, because invalidations may have been missed.

        Args:
            is_tracked: whether invalidations arrive from now on.
        """
        with self._lock:
            self._drop_count += 1
            self._forgotten = self._drop_count
            self._drops.clear()
            self._entries.clear()
            self.is_tracked = is_tracked

    def __len__(self) -> int:
        """The number of entries, ended ones included."""
        return len(self._entries)
