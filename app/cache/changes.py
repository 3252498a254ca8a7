"""Changes of links that the caches may not have yet.

Two things can go wrong between a change and the caches. Redis may not take it: it is kept here, and
published when Redis is back. Or Postgres may not confirm it although it was made: the row is read
again until no statement can still change it, and the caches are told what it says.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from app.cache.cached_link import CachedLink, to_cached_link
from app.cache.memory import MemoryCache
from app.cache.redis_cache import RedisCache
from db.connect.pool import Pool
from db.links import find_deleted_version, find_link

log = structlog.get_logger(__name__)

# Counted from the first answer of Postgres. By then every statement is committed or given up: none
# may take longer than db.connect.pool.STATEMENT_TIMEOUT_MS.
SETTLED_AFTER_S: Final = 10.0
# A script may have changed thousands of links while Postgres was away: other jobs get their turn.
SETTLE_BATCH: Final = 100


@dataclass(slots=True, eq=False)
class _Change:
    link: CachedLink | None = None  # what Redis does not have; None when it has all that is known
    # When the row is read for the last time. None: Postgres has confirmed the change. Infinite: it
    # has not answered since.
    settles_s: float | None = None


class PendingChanges:
    """The changes of this process that caches may not have. Thread-safe.

    They are lost if the process dies before they are published.
    """

    def __init__(
        self,
        pool: Pool,
        redis_cache: RedisCache,
        memory: MemoryCache,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty; `now_s` is a clock in seconds that never steps back."""
        self._pool = pool
        self._redis_cache = redis_cache
        self._memory = memory
        self._now_s = now_s
        self._pending: dict[str, _Change] = {}
        self._lock = threading.Lock()

    def __contains__(self, code: str) -> bool:
        """Whether Redis may hold an older entry of this code than Postgres."""
        return code in self._pending

    def announce(self, code: str, link: CachedLink) -> None:
        """Tell the caches of a change: Redis, which tells all processes, then our own memory.

        In this order, a reader that misses in memory finds the new entry in Redis.
        """
        with self._lock:
            change = self._add(code)
            if change.link is None or change.link.version < link.version:
                change.link = link
        self._publish(code, change)
        self._memory.drop(f"/{code}")

    def note_unconfirmed(self, code: str) -> None:
        """Postgres broke off during a change, and may have made it."""
        with self._lock:
            self._add(code).settles_s = math.inf

    def publish(self) -> None:
        """Publish what Redis does not have yet. A periodic job."""
        for code, change in list(self._pending.items()):
            self._publish(code, change)

    def settle(self) -> None:
        """Read some unconfirmed links again and announce what they are now. A periodic job.

        Raises:
            DatabaseUnavailableError: the rest is read next time.
        """
        with self._lock:
            unconfirmed = [c for c, change in self._pending.items() if change.settles_s is not None]
        for code in islice(unconfirmed, SETTLE_BATCH):
            link = self._read(code)
            if link is not None:
                self.announce(code, link)
            with self._lock:
                change = self._pending.pop(code)
                settles_s = change.settles_s or math.inf
                if settles_s == math.inf:
                    change.settles_s = self._now_s() + SETTLED_AFTER_S
                elif settles_s < self._now_s():
                    change.settles_s = None
                self._pending[code] = change  # behind the others
                self._remove_if_done(code, change)

    def close(self) -> None:
        """Publish what Redis takes. The rest is lost with this process."""
        self.publish()
        if self._pending:
            log.error("changes are lost that caches may not have", codes=sorted(self._pending))

    def _read(self, code: str) -> CachedLink | None:
        link = find_link(self._pool, code)
        if link is not None:
            return to_cached_link(link)
        version = find_deleted_version(self._pool, code)
        return None if version is None else CachedLink(version)

    def _publish(self, code: str, change: _Change) -> None:
        link = change.link
        if link is None or not self._redis_cache.publish(code, link):
            return
        with self._lock:
            if change.link is link:  # else it was changed again meanwhile
                change.link = None
                self._remove_if_done(code, change)

    def _add(self, code: str) -> _Change:
        self._redis_cache.outdated.add(code)
        return self._pending.setdefault(code, _Change())

    def _remove_if_done(self, code: str, change: _Change) -> None:
        if change.link is None and change.settles_s is None and self._pending.get(code) is change:
            del self._pending[code]
            self._redis_cache.outdated.discard(code)
