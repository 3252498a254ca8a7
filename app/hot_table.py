"""Links in the memory of one web process: bounded in number and in time, emptied by Redis's word.

What must always hold: an entry that was read before a change is not there once the change was
announced. A reader takes a ticket before it looks anywhere. When its answer comes back, the entry
is refused if the code was dropped since, or if so much was dropped that nobody remembers.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from app.cached_link import CachedLink

# While Redis announces changes, this only bounds what a lost announcement could do.
FRESH_S: Final = 60.0
# While it does not: the longest that an old target may be served.
FRESH_WITHOUT_NEWS_S: Final = 1.0
MOST_ENTRIES: Final = 100_000
MOST_DROPS_REMEMBERED: Final = 10_000


class HotEntry(NamedTuple):
    """A link in memory; its times are of the table's clock."""

    end: float
    target_url: str
    began: float


class HotTable:
    """Targets by path, such as "/aB3xY7k". Thread-safe; `get` takes no lock."""

    def __init__(
        self, most_entries: int = MOST_ENTRIES, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Make an empty table, without news.

        Args:
            most_entries: the oldest makes room for the newest.
            now_s: a clock in seconds that never steps back.
        """
        self._most_entries = most_entries
        self.clock_s = now_s
        self._entries: dict[str, HotEntry] = {}
        self._drops: dict[str, int] = {}  # path -> number of the drop; the oldest first
        self._drop_count = 0
        self.hits = 0  # times that `get` had an answer
        self._forgotten = 0  # drops up to this number are no longer remembered by path
        self._fresh_s = FRESH_WITHOUT_NEWS_S
        self._lock = threading.Lock()

    def get(self, path: str) -> str | None:
        """Where a path leads, or None when that must be looked up."""
        entry = self._entries.get(path)
        if entry is None or entry[0] <= self.clock_s():
            return None
        self.hits += 1  # without a lock: at worst a metric is short by one
        return entry[1]

    def find_entry(self, path: str) -> HotEntry | None:
        """What is remembered of a path, with its times; None when that is over."""
        entry = self._entries.get(path)
        return None if entry is None or entry.end <= self.clock_s() else entry

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
            self._entries.pop(path, None)  # so that it becomes the newest
            if len(self._entries) >= self._most_entries:
                del self._entries[next(iter(self._entries))]
            began = self.clock_s()
            self._entries[path] = HotEntry(began + fresh_s, link.target_url, began)

    def drop(self, path: str) -> None:
        """The link was changed: forget it."""
        with self._lock:
            self._drop_count += 1
            self._drops.pop(path, None)
            self._drops[path] = self._drop_count
            if len(self._drops) > MOST_DROPS_REMEMBERED:
                self._forgotten = self._drops.pop(next(iter(self._drops)))
            self._entries.pop(path, None)

    def clear(self, *, has_news: bool) -> None:
        """Forget everything: changes may have been missed.

        Args:
            has_news: whether changes are announced from now on.
        """
        with self._lock:
            self._drop_count += 1
            self._forgotten = self._drop_count
            self._drops.clear()
            self._entries.clear()
            self._fresh_s = FRESH_S if has_news else FRESH_WITHOUT_NEWS_S

    def __len__(self) -> int:
        """How many links are remembered."""
        return len(self._entries)
