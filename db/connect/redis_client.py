"""Clients of Redis, and the one place where its failures become ours."""

import contextlib
import math
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from db.errors import RedisUnavailableError
from guard.breaker import Breaker

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# A Redis that is full refuses every write: one line in the log will do.
LOG_EVERY_S: Final = 10.0


def connect_redis(url: str, timeout_s: float) -> "redis.Redis":
    """A client that connects at first use, gives up after `timeout_s`, and does not retry."""
    return redis.Redis.from_url(
        url,
        protocol=2,  # app/cache/invalidation.py reads pub/sub messages, not RESP3 pushes
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


class GuardedRedis:
    """A client behind a breaker, for callers that can do without Redis. Thread-safe.

    One failure opens the breaker, because each failure is a redirect that waited for the time-out.
    While it is open no caller pays for a try: the periodic job `probe` finds out when to close it.
    """

    def __init__(self, client: "redis.Redis") -> None:
        """Guard a client whose time-out is in milliseconds."""
        self.client = client
        self.breaker = Breaker("Redis", failures=1, pause_s=math.inf)
        self._logged_s = -LOG_EVERY_S

    def ask(self, command: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Run a command, such as `ask(client.get, "link:abc")`.

        Raises:
            RedisUnavailableError: there is no answer, or the breaker is open.
        """
        answer = self.ask_patient_client(command, *arguments, **options)
        self.breaker.note_success()
        return answer

    def ask_patient_client(
        self, command: Callable[P, T], *arguments: P.args, **options: P.kwargs
    ) -> T:
        """Run a command of a client with a longer time-out.

        Its failure opens the breaker; its success says nothing about redirects and closes none.

        Raises:
            RedisUnavailableError: there is no answer, or the breaker is open.
        """
        if not self.breaker.allows():
            raise RedisUnavailableError("the breaker is open")
        try:
            return command(*arguments, **options)
        except redis.ResponseError as error:  # it is alive, but full, a replica or the like
            self._log_refusal(error)
            raise RedisUnavailableError(str(error)) from error
        except redis.RedisError as error:
            self.breaker.note_failure(error)
            raise RedisUnavailableError(str(error)) from error

    def ping(self) -> None:
        """Ask whether Redis answers, whatever the breaker says, and without telling it.

        Raises:
            RedisUnavailableError: it does not.
        """
        try:
            self.client.ping()
        except redis.RedisError as error:
            raise RedisUnavailableError(str(error)) from error

    def probe(self) -> None:
        """Close the breaker if Redis answers again. A periodic job."""
        if self.breaker.is_open:
            with contextlib.suppress(redis.RedisError):
                self.client.ping()
                self.breaker.note_success()

    def _log_refusal(self, error: redis.ResponseError) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s > LOG_EVERY_S:
            self._logged_s = now_s
            log.error("Redis refuses a command", error=str(error))
