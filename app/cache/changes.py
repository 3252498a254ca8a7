"""Changes of links that the caches may not have yet.

Two things can go wrong between a change and the caches. The write to Redis may fail: the change is
kept here, and published when Redis is back. Or the connection to Postgres may fail during a commit:
the row is read until no statement can still change it, and what it says is published.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from app.cache.cached_link import CachedLink, to_cached_link
from app.cache.memory import MemoryCache
from app.cache.redis_cache import RedisCache
from db.connect.pool import Pool
from db.links import find_deleted_version, find_link

log = structlog.get_logger(__name__)

# Counted from the first answer of Postgres. By then every statement is committed or cancelled: none
# may take longer than db.connect.pool.STATEMENT_TIMEOUT_MS.
SETTLED_AFTER_S: Final = 10.0
# A script may have changed thousands of links while Postgres was away: other jobs get their turn.
SETTLE_BATCH: Final = 100


@dataclass(slots=True, eq=False)
class _Change:
    unpublished: CachedLink | None = None  # what Redis does not have
    unconfirmed: int = 0  # changes that Postgres did not confirm; 0 once they are settled
    settles_s: float | None = None  # when the row is read for the last time, once Postgres answers


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

    def announce(self, code: str, link: CachedLink) -> None:
        """Tell the caches of a change: Redis, which tells all processes, then our own memory.

        In this order, a reader that misses in memory finds the new entry in Redis.
        """
        with self._lock:
            change = self._pending.setdefault(code, _Change())
            if change.unpublished is None or change.unpublished.version < link.version:
                change.unpublished = link
                self._redis_cache.hide(code)
        self._publish(code, change)
        self._memory.drop(f"/{code}")

    def note_unconfirmed(self, code: str) -> None:
        """The connection failed during a change, which may have been committed."""
        with self._lock:
            change = self._pending.setdefault(code, _Change())
            change.unconfirmed += 1
            change.settles_s = None

    def publish(self) -> None:
        """Publish what Redis does not have yet. A periodic job."""
        with self._lock:
            pending = list(self._pending.items())
        for code, change in pending:
            self._publish(code, change)

    def settle(self) -> None:
        """Read some unconfirmed links again and announce what they are now. A periodic job.

        Raises:
            DatabaseUnavailableError: the rest is read next time.
        """
        with self._lock:
            unconfirmed = [
                (code, change, change.unconfirmed)
                for code, change in self._pending.items()
                if change.unconfirmed
            ]
        for code, change, noted in unconfirmed[:SETTLE_BATCH]:
            link = self._read(code)
            if link is not None:
                self.announce(code, link)
            with self._lock:
                if change.unconfirmed == noted:  # else the row was read too early for the last one
                    self._age(change)
                self._pending[code] = self._pending.pop(code)  # behind the others
                self._remove_if_done(code, change)

    def close(self) -> None:
        """Publish what Redis takes. The rest is lost with this process."""
        self.publish()
        if self._pending:
            log.error("pending changes lost", codes=sorted(self._pending))

    def __contains__(self, code: str) -> bool:
        """Whether a change of this code is pending."""
        return code in self._pending

    def _read(self, code: str) -> CachedLink | None:
        link = find_link(self._pool, code)
        if link is not None:
            return to_cached_link(link)
        version = find_deleted_version(self._pool, code)
        return None if version is None else CachedLink(version)

    def _age(self, change: _Change) -> None:
        now_s = self._now_s()
        if change.settles_s is None:
            change.settles_s = now_s + SETTLED_AFTER_S
        elif change.settles_s < now_s:
            change.unconfirmed = 0

    def _publish(self, code: str, change: _Change) -> None:
        link = change.unpublished
        if link is None or not self._redis_cache.publish(code, link):
            return
        with self._lock:
            if change.unpublished is link:  # else it was changed again meanwhile
                change.unpublished = None
                self._redis_cache.show(code)
                self._remove_if_done(code, change)

    def _remove_if_done(self, code: str, change: _Change) -> None:
        is_done = change.unpublished is None and not change.unconfirmed
        if is_done and self._pending.get(code) is change:
            del self._pending[code]
