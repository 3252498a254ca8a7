"""The limit on guesses: a client that asks for many unknown codes is slowed down.

Only answers "no such link" count, and only look-ups of codes that are in no cache are refused: a
link that others use is never limited. Guesses are counted in Redis, for all processes together, and
in the memory of each process while Redis is away.
"""

import ipaddress
from collections.abc import Callable
from typing import Final

from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from app.errors import TooManyUnknownCodesError
from db.connect.redis_client import GuardedRedis
from db.errors import RedisUnavailableError

# An IPv6 client usually controls a whole /64.
_IPV6_NETWORK_BITS: Final = 64


class GuessLimit:
    """Counts the unknown codes that each client asks for. Thread-safe."""

    def __init__(
        self, limit: RateLimitItem | None, guarded: GuardedRedis, pseudonym: Callable[[str], str]
    ) -> None:
        """Start counting.

        Args:
            limit: such as 60 a minute; None for no limit.
            guarded: Redis, with a time-out of milliseconds.
            pseudonym: of an address, the same in all processes: Redis holds no addresses.
        """
        self._limit = limit
        self._redis = guarded
        self._pseudonym = pseudonym
        # The URL only names the kind of storage; the address is that of the connection pool.
        storage = RedisStorage("redis://", connection_pool=guarded.client.connection_pool)
        self._in_redis = FixedWindowRateLimiter(storage)
        self._in_memory = FixedWindowRateLimiter(MemoryStorage())

    def check(self, address: str) -> None:
        """Let a client look up a code that is in no cache.

        Raises:
            TooManyUnknownCodesError: it has asked for too many unknown ones.
        """
        limit = self._limit
        if limit is None:
            return
        client = self._pseudonym(_network(address))
        # Memory has counted what Redis could not.
        if not self._test_in_redis(limit, client) or not self._in_memory.test(limit, client):
            raise TooManyUnknownCodesError("Wait a minute. Links that exist are not limited.")

    def note(self, address: str, codes: int = 1) -> None:
        """Count codes that do not exist."""
        limit = self._limit
        if limit is None or codes == 0:
            return
        client = self._pseudonym(_network(address))
        try:
            self._redis.ask(self._in_redis.hit, limit, client, cost=codes)
        except RedisUnavailableError:
            self._in_memory.hit(limit, client, cost=codes)

    def _test_in_redis(self, limit: RateLimitItem, client: str) -> bool:
        try:
            return bool(self._redis.ask(self._in_redis.test, limit, client))
        except RedisUnavailableError:
            return True


def _network(address: str) -> str:
    """What counts as one client: an IPv4 address, or a whole IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket, or whatever a proxy made up
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
