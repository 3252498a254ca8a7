"""What a web process holds open: made once after fork, closed once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from app.clicks.shipper import Shipper
from app.codes import CodeSource, open_strategy
from app.link_cache import LinkCache
from app.links import LinkStore
from app.settings import Settings
from db import pool as db_pool
from db.pool import Pool

# A redirect does not wait longer for the cache than it would for the database.
CACHE_TIMEOUT_S = 0.05
WIRE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything with a socket, a file or a thread behind it."""

    settings: Settings
    store: LinkStore
    recorder: ClickRecorder
    shipper: Shipper
    codes: CodeSource
    cache_client: "redis.Redis"
    wire_client: "redis.Redis"

    @property
    def pool(self) -> Pool:
        """The database."""
        return self.store.pool

    def pings(self) -> dict[str, Callable[[], object]]:
        """For each part that can be away: a call that raises when it is."""
        return {
            "postgres": lambda: db_pool.ping(self.pool),
            "redis": self.cache_client.ping,
        }

    def close(self) -> None:
        """Ship the last clicks, then let go of everything."""
        self.shipper.close()
        self.codes.close()
        self.pool.close()
        self.cache_client.close()
        self.wire_client.close()


def open_resources(settings: Settings) -> Resources:
    """Open everything. Postgres and Redis may be away: each use of them copes with that.

    Raises:
        OSError: the journal's directory cannot be written to.
    """
    pool = db_pool.open_pool(settings.database_url, name="hop-web")
    cache_client = connect_redis(settings.redis_url, CACHE_TIMEOUT_S)
    wire_client = connect_redis(settings.redis_url, WIRE_TIMEOUT_S)
    codes = open_strategy(settings, pool)
    cache = LinkCache(
        cache_client, ttl_s=settings.cache_ttl_s, negative_ttl_s=settings.negative_cache_ttl_s
    )
    directory = Path(settings.journal_dir)
    journal = Journal(directory)
    recorder = ClickRecorder(journal)
    shipper = Shipper(
        directory=directory, journal=journal, recorder=recorder, pool=pool, wire=wire_client
    )
    shipper.start()
    return Resources(
        settings=settings,
        store=LinkStore(pool, cache, codes.strategy),
        recorder=recorder,
        shipper=shipper,
        codes=codes,
        cache_client=cache_client,
        wire_client=wire_client,
    )


def connect_redis(url: str, timeout_s: float) -> "redis.Redis":
    """A client that gives up quickly and does not retry: its callers know what to do instead."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )
