"""Where a code leads: from Redis, else from Postgres, which is asked as rarely as possible.

Of all requests for a code that is not cached, one per process goes on, and one of those processes
asks Postgres. The others wait for its answer, or are served a stale entry. If the answer takes
longer than `JOIN_WITHIN_S` or `LEASE_WAIT_S`, a second one asks.
"""

import time
from dataclasses import dataclass
from typing import Final, Literal

from app.cache.cached_link import CachedLink, to_cached_link
from app.cache.memory import MemoryCache
from app.cache.redis_cache import CacheEntry, RedisCache
from app.links.alias import CODE
from app.redirect.guess_limit import GuessLimit
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError
from db.links import find_link
from guard.single_flight import JOIN_WITHIN_S, SingleFlight

# How often a process without the lease looks whether the holder has found the link.
POLL_S: Final = 0.01
# After this the holder is taken for dead or stuck, and Postgres is asked a second time.
LEASE_WAIT_S: Final = 0.4

# Who gave an answer. `rule`: no link can have such a code. `stale`: Redis, past the entry's time.
# `shared`: another request of this process, which asked at the same time.
Tier = Literal["rule", "memory", "redis", "stale", "shared", "postgres"]


@dataclass(frozen=True, slots=True)
class Found:
    """An answer and the tier that gave it. "There is no such link" is an answer, too."""

    link: CachedLink
    tier: Tier


class LinkReader:
    """Looks links up for redirects. Thread-safe."""

    def __init__(
        self,
        pool: Pool,
        memory: MemoryCache,
        redis_cache: RedisCache,
        guess_limit: GuessLimit,
    ) -> None:
        """Use the tiers.

        Args:
            pool: the database.
            memory: filled here, asked by the hot path.
            redis_cache: asked and filled here.
            guess_limit: who may still ask for codes that are in no cache.
        """
        self._pool = pool
        self._memory = memory
        self._redis_cache = redis_cache
        self._guess_limit = guess_limit
        self._flights: SingleFlight[Found] = SingleFlight()

    def resolve(self, code: str, address: str) -> Found:
        """Find where a code leads, and keep it in memory if it redirects.

        Args:
            code: as in the request.
            address: of the client, for the limit on guesses.

        Raises:
            TooManyUnknownCodesError: the client has guessed too often, and the code is not cached.
            DatabaseUnavailableError: the code is not cached and Postgres cannot be asked. This is
                not the same as "no such link".
        """
        if not CODE.fullmatch(code):
            return Found(to_cached_link(None), "rule")
        ticket = self._memory.ticket()
        found = self._find(code, address)
        # A stale or shared answer may have been read before the ticket was taken.
        if found.tier in {"redis", "postgres"}:
            self._memory.put(f"/{code}", found.link, ticket, time.time())
        return found

    def _find(self, code: str, address: str) -> Found:
        entry = self._redis_cache.get(code)
        if entry is not None and time.time() < entry.fresh_until:
            return Found(entry.link, "redis")
        if entry is not None:
            return self._look_up(code, Found(entry.link, "stale"))
        self._guess_limit.check(address)
        found = self._look_up(code, None)
        if found.tier == "postgres" and found.link.target_url is None:
            self._guess_limit.note(address)
        return found

    def _look_up(self, code: str, stale: Found | None) -> Found:
        """Look beyond Redis, together with concurrent requests of this process."""
        # After a change nobody joins a look-up that started before it.
        flight = code, self._memory.last_change(f"/{code}")
        try:
            with self._flights.join(flight) as (answer, leads):
                if leads:
                    answer.set_result(self._ask_postgres(code, stale))
                    return answer.result()
            return stale or Found(answer.result(JOIN_WITHIN_S).link, "shared")
        except (DatabaseUnavailableError, TimeoutError) as error:
            if stale is not None:
                return stale
            raise DatabaseUnavailableError(f"the look-up did not succeed: {error}") from error

    def _ask_postgres(self, code: str, stale: Found | None) -> Found:
        """Ask Postgres, or wait for the process that does."""
        if not self._redis_cache.take_lease(code):
            if stale is not None:
                return stale
            entry = self._wait_for_entry(code)
            if entry is not None:
                return Found(entry.link, "redis")
            return Found(to_cached_link(find_link(self._pool, code)), "postgres")
        try:
            link = to_cached_link(find_link(self._pool, code))
        except DatabaseUnavailableError:
            self._redis_cache.end_lease(code)
            raise
        self._redis_cache.fill(code, link)
        return Found(link, "postgres")

    def _wait_for_entry(self, code: str) -> CacheEntry | None:
        deadline = time.monotonic() + LEASE_WAIT_S
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            entry = self._redis_cache.get(code)
            if entry is not None:
                return entry
        return None
