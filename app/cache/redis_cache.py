"""Links in Redis: filled by readers, overwritten by editors, never the only copy.

What must always hold: an entry is never replaced by an older one. Each entry starts with the
link's version, and a write is a compare-and-set in Redis, so a reader that looked into Postgres
before an edit and writes after it cannot bring the old target back. "No such link" has version 0:
any link replaces it.

Every failure of Redis reads as "not cached": redirects then come from Postgres. A change that could
not be written is kept by the process that made it, and written as soon as Redis is back.

An entry is fresh for its TTL and stays as long again, up to ten minutes: one reader then looks into
Postgres, and the others are served from it meanwhile (stale while revalidate, RFC 5861). That is no
old target: an edit overwrites the entry.
"""

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar, cast

import redis
import structlog

from app.cache.cached_link import CachedLink, Entry, decode_entry, encode_entry
from guard.breaker import Breaker

T = TypeVar("T")

log = structlog.get_logger(__name__)

KEY_PREFIX: Final = "link:"
LEASE_PREFIX: Final = "lease:"
# Entries written together should not end together.
TTL_JITTER: Final = 0.1
MOST_STALE_S: Final = 600.0
# Whoever holds the lease of a code looks it up for all processes. Longer than Postgres may take,
# connection and deadline included.
LEASE_MS: Final = 3_500
# Redis runs a script to its end before it answers anybody else: so many entries take half a
# millisecond.
FILLED_AT_ONCE: Final = 100
# A Redis that is full refuses every write.
TELL_EVERY_S: Final = 10.0

# KEYS: entry, lease. ARGV: version, value, TTL in ms.
_PUT: Final = """
redis.call('DEL', KEYS[2])
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.match(held, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

# The same for many, of which most are new. KEYS: entries. ARGV: value and TTL in ms of each.
_PUT_MANY: Final = """
local function version(entry) return tonumber(string.match(entry, '^%d+')) end
for i, key in ipairs(KEYS) do
  local value, ttl_ms = ARGV[2 * i - 1], ARGV[2 * i]
  if not redis.call('SET', key, value, 'NX', 'PX', ttl_ms)
      and version(redis.call('GET', key)) <= version(value) then
    redis.call('SET', key, value, 'PX', ttl_ms)
  end
end
"""


class LinkCache:
    """The Redis tier. Thread-safe; never raises on a failure of Redis."""

    def __init__(
        self,
        client: "redis.Redis",
        patient_client: "redis.Redis",
        *,
        ttl_s: int,
        negative_ttl_s: int,
    ) -> None:
        """Make the tier.

        Args:
            client: for redirects, with a time-out of milliseconds.
            patient_client: for changes, with one of seconds: a lost change is worse than a wait.
            ttl_s: life of a link's entry, give or take a tenth.
            negative_ttl_s: life of "there is no such link".
        """
        self._client = client
        self._ttl_s = ttl_s
        self._negative_ttl_s = negative_ttl_s
        self._put = client.register_script(_PUT)
        self._put_many = client.register_script(_PUT_MANY)
        self._patient_put_many = patient_client.register_script(_PUT_MANY)
        self._patient_put = patient_client.register_script(_PUT)
        # One failure is enough: each is a redirect that waited for the time-out. And none waits to
        # find out whether Redis is back: `probe` does that.
        self.breaker = Breaker("Redis", failures=1, pause_s=math.inf)
        self._unpublished: dict[str, CachedLink] = {}
        self._told_at = -TELL_EVERY_S
        self._lock = threading.Lock()

    def get(self, code: str) -> Entry | None:
        """The entry of a code, or None when there is none or Redis cannot be asked."""
        if code in self._unpublished:  # what Redis has is older than what we wrote
            return None
        value = self._ask(lambda: cast("bytes | None", self._client.get(KEY_PREFIX + code)), None)
        return None if value is None else decode_entry(value)

    def take_lease(self, code: str) -> bool:
        """Whether the caller shall look a code up, and no other process at the same time.

        It ends with `fill` or `end_lease`, and by itself when the holder dies. Without Redis every
        process gets it.
        """
        key = LEASE_PREFIX + code
        return self._ask(lambda: bool(self._client.set(key, b"", nx=True, px=LEASE_MS)), True)

    def end_lease(self, code: str) -> None:
        """Let another process try: this one found nothing out."""
        self._ask(lambda: self._client.delete(LEASE_PREFIX + code), None)

    def fill(self, code: str, link: CachedLink) -> None:
        """Write what a reader found in Postgres, unless a newer entry is there; ends the lease."""
        self._ask(lambda: self._put(keys=_keys(code), args=self._arguments(link)), None)

    def fill_many(self, links: Mapping[str, CachedLink], *, is_patient: bool = False) -> None:
        """`fill` for many codes that were just made, with few round trips; it ends no lease.

        Args:
            links: by code.
            is_patient: for so many that Redis may take its time, which must not switch the cache
                off for redirects.
        """
        put_many = self._patient_put_many if is_patient else self._put_many
        codes = list(links)
        for start in range(0, len(codes), FILLED_AT_ONCE):
            keys = [KEY_PREFIX + code for code in codes[start : start + FILLED_AT_ONCE]]
            arguments = [
                one
                for code in codes[start : start + FILLED_AT_ONCE]
                for one in self._arguments(links[code])[1:]
            ]
            self._ask(lambda: put_many(keys=keys, args=arguments), None)  # noqa: B023

    def publish(self, code: str, link: CachedLink) -> None:
        """Write what was changed in Postgres; while Redis is away it is kept, and tried again."""
        with self._lock:
            held = self._unpublished.get(code)
            if held is None or held.version < link.version:
                self._unpublished[code] = link
        self._publish(code)

    def publish_waiting(self) -> None:
        """Write the changes that Redis does not have yet. Called now and then."""
        for code in list(self._unpublished):
            self._publish(code)

    def _publish(self, code: str) -> None:
        link = self._unpublished.get(code)
        if link is None or self.breaker.is_open:  # `probe` finds out when it can be asked again
            return
        try:
            self._patient_put(keys=_keys(code), args=self._arguments(link))
        except redis.ResponseError as error:
            self._tell_refusal(error)
        except redis.RedisError as error:
            self.breaker.note_failure(error)
        else:
            with self._lock:
                if self._unpublished.get(code) is link:  # not changed again meanwhile
                    del self._unpublished[code]

    def probe(self) -> None:
        """While Redis is left alone, find out whether it answers in time. Called now and then."""
        if self.breaker.is_open:
            with contextlib.suppress(redis.RedisError):
                self._client.ping()
                self.breaker.note_success()

    def close(self) -> None:
        """Write what waits, as far as Redis takes it. The rest is lost with this process."""
        self.probe()
        self.publish_waiting()
        if self._unpublished:
            log.error("changes that Redis never had are lost", codes=sorted(self._unpublished))

    def _ask(self, command: Callable[[], T], otherwise: T) -> T:
        """Redis's answer, or `otherwise` when there is none or Redis is being left alone."""
        if not self.breaker.allows():
            return otherwise
        try:
            answer = command()
        except redis.ResponseError as error:  # it lives, but is full, a replica or the like
            self._tell_refusal(error)
            return otherwise
        except redis.RedisError as error:
            self.breaker.note_failure(error)
            return otherwise
        self.breaker.note_success()
        return answer

    def _tell_refusal(self, error: redis.ResponseError) -> None:
        now = time.monotonic()
        if now - self._told_at > TELL_EVERY_S:
            self._told_at = now
            log.error("Redis refuses what it is asked for", error=str(error))

    def _arguments(self, link: CachedLink) -> tuple[int, bytes, int]:
        # A deletion lives as long as a link: its version must outlast every slow reader.
        ttl_s = self._ttl_s if link.version > 0 else self._negative_ttl_s
        fresh_s = ttl_s * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER)  # noqa: S311
        stale_s = min(ttl_s, MOST_STALE_S) if link.version > 0 else 0
        now = time.time()
        entry = Entry(link, began=now, fresh_until=now + fresh_s)
        return link.version, encode_entry(entry), int((fresh_s + stale_s) * 1000)


def _keys(code: str) -> list[str]:
    return [KEY_PREFIX + code, LEASE_PREFIX + code]
