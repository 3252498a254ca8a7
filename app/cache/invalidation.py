"""Redis tells which links have changed, and process memory drops them.

One connection both tracks and listens: CLIENT TRACKING ... BCAST, redirected to itself, with a
subscription to `__redis__:invalidate` (RESP2, Redis 6 or newer; see
https://redis.io/docs/latest/develop/reference/client-side-caching/). So tracking and subscription
fail together: when the connection breaks, memory is emptied at once, and its entries live for a
second at most until there is a new connection.
"""

import random
import threading
from typing import Any, Final

import redis
import structlog

from app.cache.memory import MemoryCache
from app.cache.redis_cache import KEY_PREFIX

log = structlog.get_logger(__name__)

CHANNEL: Final = "__redis__:invalidate"
# After this long without a message the connection is pinged.
SILENCE_S: Final = 0.25
ANSWER_WITHIN_S: Final = 0.5
RECONNECT_S: Final = 0.5
_TRACK: Final = ("BCAST", "PREFIX", KEY_PREFIX)


class InvalidationListener:
    """A thread that drops changed links from a process's memory. Start it after fork."""

    def __init__(self, client: "redis.Redis", memory: MemoryCache) -> None:
        """Set up the thread; `start` starts it.

        Args:
            client: of the Redis that caches links; RESP2.
            memory: filled by other threads.
        """
        self._client = client
        self._memory = memory
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="invalidations", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; takes up to `SILENCE_S`."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            connection: Any = self._client.connection_pool.make_connection()
            try:
                self._listen(connection)
            except (redis.RedisError, OSError) as error:
                log.warning("no invalidations", error=str(error))
            finally:
                self._memory.clear(is_tracked=False)
                connection.disconnect()
            self._stopping.wait(random.uniform(RECONNECT_S / 2, RECONNECT_S))

    def _listen(self, connection: Any) -> None:
        own_id = _ask(connection, "CLIENT", "ID")
        _ask(connection, "CLIENT", "TRACKING", "ON", "REDIRECT", own_id, *_TRACK)
        _ask(connection, "SUBSCRIBE", CHANNEL)
        # Only now: what was read before this moment may have changed without an invalidation.
        self._memory.clear(is_tracked=True)
        while not self._stopping.is_set():
            if not connection.can_read(timeout=SILENCE_S):
                connection.send_command("PING")
            self._handle(connection.read_response(timeout=ANSWER_WITHIN_S))

    def _handle(self, message: list[Any]) -> None:
        if message[0] != b"message":
            return  # the answer to PING
        keys = message[2]
        if keys is None:  # FLUSHALL or FLUSHDB
            self._memory.clear(is_tracked=True)
            return
        for key in keys:
            self._memory.drop("/" + key.decode().removeprefix(KEY_PREFIX))


def _ask(connection: Any, *command: str | int) -> Any:
    connection.send_command(*command)
    return connection.read_response(timeout=ANSWER_WITHIN_S)
