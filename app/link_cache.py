"""Links in Redis: filled by readers, overwritten by editors, never the only copy.

What must always hold: an entry is never replaced by an older one. Each entry starts with the
link's version, and a write is a compare-and-set in Redis, so a reader that looked into Postgres
before an edit and writes after it cannot bring the old target back. "No such link" has version 0:
any link replaces it.

Every failure of Redis reads as "not cached": redirects then come from Postgres.
"""

import random
import time
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
LOG_EVERY_S: Final = 10.0

# KEYS: entry. ARGV: version, value, TTL in ms. An entry is "<version> <JSON>".
_PUT: Final = """
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.match(held, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
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

    def __init__(self, client: "redis.Redis", *, ttl_s: int, negative_ttl_s: int) -> None:
        self._client = client
        self._ttl_s = ttl_s
        self._negative_ttl_s = negative_ttl_s
        self._put = client.register_script(_PUT)
        self._decoder = msgspec.json.Decoder(CachedLink)
        self._logged_at = -LOG_EVERY_S

    def get(self, code: str) -> CachedLink | None:
        """The entry of a code, or None when there is none or Redis cannot be asked."""
        try:
            value = cast("bytes | None", self._client.get(KEY_PREFIX + code))
            return None if value is None else self._decoder.decode(value.partition(b" ")[2])
        except (redis.RedisError, msgspec.DecodeError) as error:
            self._complain(error)
            return None

    def put(self, code: str, entry: CachedLink) -> None:
        """Write an entry unless a newer one is there."""
        ttl_s = self._ttl_s if entry.target_url is not None else self._negative_ttl_s
        ttl_ms = int(ttl_s * 1000 * random.uniform(1 - TTL_JITTER, 1 + TTL_JITTER))  # noqa: S311
        value = b"%d %s" % (entry.version, msgspec.json.encode(entry))
        try:
            self._put(keys=[KEY_PREFIX + code], args=[entry.version, value, ttl_ms])
        except redis.RedisError as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._logged_at >= LOG_EVERY_S:
            self._logged_at = time.monotonic()
            log.warning("Redis cannot be used; going on with Postgres", error=str(error))
