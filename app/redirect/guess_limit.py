"""The limit on unknown codes: whoever guesses codes is slowed down, and costs no more look-ups.

Only answers "no such link" count, and only what is in no cache is refused: a link that others use
is never limited, not even for a client that guesses. Counted in Redis, for all processes together;
in the memory of each while Redis is away.
"""

import ipaddress
from collections.abc import Callable
from typing import Final, Literal

import redis
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from app.errors import TooManyUnknownCodesError
from guard.breaker import Breaker

# Who has one IPv6 address has all of its network.
_IPV6_NETWORK: Final = 64


class UnknownCodeLimit:
    """Counts the unknown codes that each client asked for. Thread-safe."""

    def __init__(
        self,
        limit: RateLimitItem | None,
        client: "redis.Redis",
        breaker: Breaker,
        pseudonym: Callable[[str], str],
    ) -> None:
        """Begin to count.

        Args:
            limit: such as 60 a minute; None for no limit.
            client: of Redis, with a time-out of milliseconds.
            breaker: before this Redis; whoever owns it finds out when it can be closed again.
            pseudonym: of an address, the same in all processes: Redis shall hold no addresses.
        """
        self._limit = limit
        self._pseudonym = pseudonym
        # The address is that of the pool; the other argument only names the kind of storage.
        storage = RedisStorage("redis://", connection_pool=client.connection_pool)
        self._in_redis = FixedWindowRateLimiter(storage)
        self._in_memory = FixedWindowRateLimiter(MemoryStorage())
        self._breaker = breaker

    def check(self, address: str) -> None:
        """Let a client look for a code that is in no cache.

        Raises:
            TooManyUnknownCodesError: it asked for too many that do not exist.
        """
        if self._limit and not self._ask("test", self._limit, address):
            raise TooManyUnknownCodesError("Wait a minute. Links that exist are not limited.")

    def note(self, address: str) -> None:
        """The client asked for a code that does not exist."""
        if self._limit:
            self._ask("hit", self._limit, address)

    def _ask(self, question: Literal["test", "hit"], limit: RateLimitItem, address: str) -> bool:
        client = self._pseudonym(_network(address))
        if self._breaker.allows():
            try:
                answer: bool = getattr(self._in_redis, question)(limit, client)
            except redis.ResponseError:
                pass  # it lives, but is full, a replica or the like
            except redis.RedisError as error:
                self._breaker.note_failure(error)
            else:
                if question == "hit" or not answer:
                    return answer
                # Memory has counted what Redis did not take.
        in_memory: bool = getattr(self._in_memory, question)(limit, client)
        return in_memory


def _network(address: str) -> str:
    """What counts as one client: an IPv4 address, or a whole IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket, or what a proxy made up
        return address
    if parsed.version == 4:  # noqa: PLR2004
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
