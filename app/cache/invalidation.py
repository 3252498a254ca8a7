"""Redis tells which links were changed, and process memory forgets them.

One connection both tracks and listens: CLIENT TRACKING … BCAST, redirected to itself, and it is
subscribed to `__redis__:invalidate` (RESP2; Redis 6 or newer, see
https://redis.io/docs/latest/develop/reference/client-side-caching/). So there is no state in which
one half lives and the other is gone: when the connection breaks, memory is emptied at once, and
entries live for a second at most until there is another.
"""

import random
import threading
from typing import Any, Final

import redis
import structlog

from app.cache.memory import HotTable
from app.cache.redis_cache import KEY_PREFIX

log = structlog.get_logger(__name__)

CHANNEL: Final = "__redis__:invalidate"
# A connection that says nothing for this long is asked whether it lives.
SILENCE_S: Final = 0.25
ANSWER_WITHIN_S: Final = 0.5
PAUSE_S: Final = 0.5


class InvalidationListener:
    """A thread that keeps a HotTable true. Start it after fork."""

    def __init__(self, client: "redis.Redis", table: HotTable) -> None:
        """Take what it works with.

        Args:
            client: of the Redis whose links are cached; RESP2.
            table: emptied by this thread, filled by others.
        """
        self._client = client
        self._table = table
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="invalidations", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop it; takes as long as a silence."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            connection: Any = self._client.connection_pool.make_connection()
            try:
                self._listen(connection)
            except (redis.RedisError, OSError) as error:
                log.warning("no news of changed links", error=str(error))
            finally:
                self._table.clear(has_news=False)
                connection.disconnect()
            self._stopping.wait(random.uniform(PAUSE_S / 2, PAUSE_S))  # noqa: S311 - jitter

    def _listen(self, connection: Any) -> None:
        own_id = _ask(connection, "CLIENT", "ID")
        _ask(
            connection,
            "CLIENT",
            "TRACKING",
            "ON",
            "REDIRECT",
            own_id,
            "BCAST",
            "PREFIX",
            KEY_PREFIX,
        )
        _ask(connection, "SUBSCRIBE", CHANNEL)
        # Only now: what was read before this moment may have been changed unheard.
        self._table.clear(has_news=True)
        while not self._stopping.is_set():
            if not connection.can_read(timeout=SILENCE_S):
                connection.send_command("PING")
            self._take(connection.read_response(timeout=ANSWER_WITHIN_S))

    def _take(self, message: list[Any]) -> None:
        if message[0] != b"message":
            return  # the answer to PING
        keys = message[2]
        if keys is None:  # FLUSHALL or FLUSHDB
            self._table.clear(has_news=True)
            return
        for key in keys:
            self._table.drop("/" + key.decode().removeprefix(KEY_PREFIX))


def _ask(connection: Any, *command: str | int) -> Any:
    connection.send_command(*command)
    return connection.read_response(timeout=ANSWER_WITHIN_S)
