"""Links in Redis: filled by readers, overwritten by editors, never the only copy.

What must always hold: an entry is never replaced by an older one. Each entry starts with the
link's version, and a write is a compare-and-set in Redis, so a reader that looked into Postgres
before an edit and writes after it cannot bring the old target back. "No such link" has version 0:
any link replaces it.

Every failure of Redis reads as "not cached": redirects then come from Postgres. A change that could
not be written is kept by the process that made it, and written as soon as Redis is back.
"""

import random
import threading
import time
from collections.abc import Mapping
from typing import Final, cast

import msgspec
import redis
import structlog

from app.errors import LinkDisabledError, LinkExpiredError, LinkNotFoundError
from db.links import Link

log = structlog.get_logger(__name__)

KEY_PREFIX: Final = "link:"
# Entries written together should not end together.
TTL_JITTER: Final = 0.1
LEAVE_ALONE_S: Final = 1.0
# Redis runs a script to its end before it answers anybody else: so many entries take half a
# millisecond.
FILLED_AT_ONCE: Final = 100

# KEYS: entry. ARGV: version, value, TTL in ms. An entry is "<version> <JSON>".
_PUT: Final = """
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


class CachedLink(msgspec.Struct, frozen=True, array_like=True):
    """What a redirect needs to know of a code; without a target there is no such link."""

    version: int
    target_url: str | None = None
    expires_at: float | None = None  # Unix time in seconds
    enabled: bool = True

    def target(self, now: float) -> str:
        """Where to redirect at `now`, Unix time in seconds.

        Raises:
            LinkNotFoundError, LinkExpiredError, LinkDisabledError: nowhere.
        """
        if self.target_url is None:
            raise LinkNotFoundError("Check the spelling: capitals matter.")
        if not self.enabled:
            raise LinkDisabledError("Its owner has switched it off.")
        if self.expires_at is not None and self.expires_at <= now:
            raise LinkExpiredError("Its owner gave it an end, which has passed.")
        return self.target_url


def cached_form(link: Link | None) -> CachedLink:
    """A row as it is cached; None as "there is no such link"."""
    if link is None:
        return CachedLink(version=0)
    end = link.expires_at.timestamp() if link.expires_at else None
    return CachedLink(link.version, link.target_url, end, link.enabled)


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
        self._patient_put_many = patient_client.register_script(_PUT_MANY)
        self._patient_put = patient_client.register_script(_PUT)
        self._decoder = msgspec.json.Decoder(CachedLink)
        self._away_until = 0.0  # time.monotonic()
        self._unpublished: dict[str, CachedLink] = {}
        self._lock = threading.Lock()

    def get(self, code: str) -> CachedLink | None:
        """The entry of a code, or None when there is none or Redis cannot be asked."""
        if time.monotonic() < self._away_until:
            return None
        try:
            value = cast("bytes | None", self._client.get(KEY_PREFIX + code))
            return None if value is None else self._decoder.decode(value.partition(b" ")[2])
        except (redis.RedisError, msgspec.DecodeError) as error:
            self._leave_alone(error)
            return None

    def fill(self, code: str, entry: CachedLink) -> None:
        """Write what a reader found in Postgres, unless a newer entry is there."""
        if time.monotonic() >= self._away_until:
            try:
                self._put(keys=[KEY_PREFIX + code], args=self._arguments(entry))
            except redis.RedisError as error:
                self._leave_alone(error)

    def fill_many(self, entries: Mapping[str, CachedLink]) -> None:
        """`fill` for many codes, with few round trips.

        By the patient client: a batch that takes its time must not switch the cache off for
        redirects.
        """
        codes = list(entries)
        for start in range(0, len(codes), FILLED_AT_ONCE):
            if time.monotonic() < self._away_until:
                return
            some = codes[start : start + FILLED_AT_ONCE]
            arguments = [one for code in some for one in self._arguments(entries[code])[1:]]
            try:
                self._patient_put_many(keys=[KEY_PREFIX + code for code in some], args=arguments)
            except redis.RedisError as error:
                self._leave_alone(error)

    def publish(self, code: str, entry: CachedLink) -> None:
        """Write what was changed in Postgres; while Redis is away it is kept, and tried again."""
        with self._lock:
            held = self._unpublished.get(code)
            if held is None or held.version < entry.version:
                self._unpublished[code] = entry
        if time.monotonic() >= self._away_until:
            self.publish_waiting()

    def publish_waiting(self) -> None:
        """Write the changes that Redis does not have yet. Called now and then."""
        for code, entry in list(self._unpublished.items()):
            try:
                self._patient_put(keys=[KEY_PREFIX + code], args=self._arguments(entry))
            except redis.RedisError as error:
                self._leave_alone(error)
                return
            with self._lock:
                if self._unpublished.get(code) is entry:  # not changed again meanwhile
                    del self._unpublished[code]

    def _arguments(self, entry: CachedLink) -> list[int | bytes]:
        # A deletion lives as long as a link: its version must outlast every slow reader.
        ttl_s = self._ttl_s if entry.version > 0 else self._negative_ttl_s
        ttl_ms = int(ttl_s * 1000 * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER))  # noqa: S311
        return [entry.version, b"%d %s" % (entry.version, msgspec.json.encode(entry)), ttl_ms]

    def _leave_alone(self, error: Exception) -> None:
        """Ask Redis nothing for a moment: each redirect would wait for the time-out again."""
        if time.monotonic() >= self._away_until:
            self._away_until = time.monotonic() + LEAVE_ALONE_S
            log.warning("Redis cannot be used; going on with Postgres", error=str(error))
