"""Clients of Redis, for those who know what to do without it."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect_redis(url: str, timeout_s: float) -> "redis.Redis":
    """A client that connects when it is first used, gives up after `timeout_s`, and tries once."""
    return redis.Redis.from_url(
        url,
        protocol=2,  # app/cache/invalidation.py reads them as messages of a channel
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )
