"""Links in Redis: filled by readers, overwritten by editors, never the only copy.

Invariant: an entry is never replaced by an older one. Each entry starts with the link's version,
and a write is a compare-and-set inside Redis: a reader that read Postgres before an edit and writes
after it cannot bring the old target back. "No such link" has version 0, so any link replaces it.

When Redis does not answer, every read is "not cached" and redirects come from Postgres.

An entry is fresh for its TTL and is kept as long again, up to ten minutes. Meanwhile one reader
asks Postgres and the others are served the stale entry (stale-while-revalidate, RFC 5861). A stale
entry still has the current target, because an edit overwrites it.
"""

import contextlib
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import redis

from app.cache.cached_link import CachedLink
from db.connect.redis_client import GuardedRedis
from db.errors import RedisUnavailableError

KEY_PREFIX: Final = "link:"
LEASE_PREFIX: Final = "lease:"
# Entries written together should not end together.
TTL_JITTER: Final = 0.1
MAX_STALE_S: Final = 600.0
# The process that holds the lease of a code looks it up for all. Longer than Postgres may take,
# connecting included.
LEASE_MS: Final = 3_500
# Redis runs a script to its end before it answers anybody else: this many entries take half a
# millisecond.
FILL_BATCH: Final = 100

# KEYS: entry, lease. ARGV: version, value, TTL in ms.
_PUT: Final = """
redis.call('DEL', KEYS[2])
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.match(held, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

# The same for many entries, most of them new. KEYS: entries. ARGV: value and TTL in ms of each.
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


class CacheEntry(msgspec.Struct, frozen=True, array_like=True):
    """The value of a code in Redis. Times are Unix times in seconds."""

    link: CachedLink
    stored_at: float
    fresh_until: float  # from then on it is served only while one reader asks Postgres


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(CacheEntry)


def encode_entry(entry: CacheEntry) -> bytes:
    """`<version> <JSON>`: the version in front is for the compare-and-set inside Redis."""
    return b"%d %s" % (entry.link.version, _encoder.encode(entry))


def decode_entry(value: bytes) -> CacheEntry | None:
    """Decode a value; None if it is damaged or written by a release with another format."""
    try:
        return _decoder.decode(value.partition(b" ")[2])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class RedisCache:
    """The Redis tier. Thread-safe; does not raise when Redis is away."""

    def __init__(
        self,
        guarded: GuardedRedis,
        patient_client: "redis.Redis",
        *,
        ttl_s: int,
        negative_ttl_s: int,
    ) -> None:
        """Set up the tier; connects at first use.

        Args:
            guarded: for redirects, with a time-out of milliseconds.
            patient_client: for changes and bulk writes, with a time-out of seconds: a lost change
                is worse than a wait.
            ttl_s: life of a link's entry, give or take a tenth.
            negative_ttl_s: life of "there is no such link".
        """
        self._redis = guarded
        self._hidden: set[str] = set()
        self._ttl_s = ttl_s
        self._negative_ttl_s = negative_ttl_s
        self._put = guarded.client.register_script(_PUT)
        self._put_many = guarded.client.register_script(_PUT_MANY)
        self._patient_put = patient_client.register_script(_PUT)
        self._patient_put_many = patient_client.register_script(_PUT_MANY)

    def get(self, code: str) -> CacheEntry | None:
        """The entry of a code; None if there is none, it is hidden, or Redis does not answer."""
        if code in self._hidden:
            return None
        value = self._ask(None, self._redis.client.get, KEY_PREFIX + code)
        return None if value is None else decode_entry(value)

    def hide(self, code: str) -> None:
        """Serve no entry of this code: Redis may hold an older one than Postgres."""
        self._hidden.add(code)

    def show(self, code: str) -> None:
        """Serve entries of this code again."""
        self._hidden.discard(code)

    def take_lease(self, code: str) -> bool:
        """Whether the caller is the one process that looks a code up.

        The lease ends with `fill` or `end_lease`, or by itself if the holder dies. Without Redis
        every process gets it.
        """
        set_key, key = self._redis.client.set, LEASE_PREFIX + code
        return bool(self._ask(True, set_key, key, b"", nx=True, px=LEASE_MS))

    def end_lease(self, code: str) -> None:
        """Let another process try, because this one's look-up failed."""
        self._ask(None, self._redis.client.delete, LEASE_PREFIX + code)

    def fill(self, code: str, link: CachedLink) -> None:
        """Write what a reader found in Postgres, unless a newer entry is there; ends the lease."""
        self._ask(None, self._put, keys=_keys(code), args=self._arguments(link))

    def fill_many(self, links: Mapping[str, CachedLink], *, is_patient: bool = False) -> None:
        """`fill` for many codes that were just created, in few round trips; ends no lease.

        Args:
            links: by code.
            is_patient: use the long time-out, so that a large batch does not open the breaker.
        """
        codes = list(links)
        for start in range(0, len(codes), FILL_BATCH):
            batch = codes[start : start + FILL_BATCH]
            keys = [KEY_PREFIX + code for code in batch]
            arguments = [one for code in batch for one in self._arguments(links[code])[1:]]
            if is_patient:
                with contextlib.suppress(RedisUnavailableError):
                    self._redis.ask_patient_client(
                        self._patient_put_many, keys=keys, args=arguments
                    )
            else:
                self._ask(None, self._put_many, keys=keys, args=arguments)

    def publish(self, code: str, link: CachedLink) -> bool:
        """Write a change that Postgres has committed; False if Redis did not take it."""
        keys, arguments = _keys(code), self._arguments(link)
        try:
            self._redis.ask_patient_client(self._patient_put, keys=keys, args=arguments)
        except RedisUnavailableError:
            return False
        return True

    def _ask(
        self, otherwise: Any, command: Callable[..., Any], *arguments: Any, **options: Any
    ) -> Any:
        try:
            return self._redis.ask(command, *arguments, **options)
        except RedisUnavailableError:
            return otherwise

    def _arguments(self, link: CachedLink) -> tuple[int, bytes, int]:
        # A deletion lives as long as a link: its version must outlast every slow reader.
        ttl_s = self._ttl_s if link.version > 0 else self._negative_ttl_s
        fresh_s = ttl_s * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER)
        stale_s = min(ttl_s, MAX_STALE_S) if link.version > 0 else 0
        now = time.time()
        entry = CacheEntry(link, stored_at=now, fresh_until=now + fresh_s)
        return link.version, encode_entry(entry), int((fresh_s + stale_s) * 1000)


def _keys(code: str) -> list[str]:
    return [KEY_PREFIX + code, LEASE_PREFIX + code]
