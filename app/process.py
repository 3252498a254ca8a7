"""What a web process holds open: made once after fork, closed once."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from app.cache.invalidation import InvalidationListener
from app.cache.memory import HotTable
from app.cache.redis_cache import LinkCache
from app.clicks.countries import open_countries
from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder, renew_visitor_key
from app.clicks.shipper import DRAIN_S, Shipper, rotate_bytes
from app.links.codes import CodeSource, open_strategy
from app.links.shorten import LinkStore, settle
from app.observe import metrics
from app.observe.metrics import Export
from app.redirect.guess_limit import UnknownCodeLimit
from app.settings import Settings, read_limit
from db.connect import pool as db_pool
from db.connect.pool import Pool
from db.connect.redis_client import connect_redis
from db.errors import DatabaseUnavailableError
from guard.periodic import Housekeeper, Job
from keygen.strategies import Strategy

WIRE_TIMEOUT_S = 2.0
# A request that waits longer for a connection is shed.
REQUEST_WAIT_S = 0.15
JOB_CONNECTIONS = 3
# What a job may raise while a server or the disk is away.
AWAY = (redis.RedisError, DatabaseUnavailableError, OSError)


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything with a socket, a file or a thread behind it."""

    settings: Settings
    store: LinkStore
    jobs_pool: Pool
    unknown_codes: UnknownCodeLimit
    export: Export
    listener: InvalidationListener
    recorder: ClickRecorder
    housekeepers: tuple[Housekeeper, ...]
    shipper: Shipper
    codes: CodeSource
    cache_client: "redis.Redis"
    wire_client: "redis.Redis"

    @property
    def hot(self) -> HotTable:
        """Links in the memory of this process."""
        return self.store.hot

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

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Ship the last clicks, then let go of everything.

        Args:
            drain_s: how long to wait until the worker has counted them. The next process on this
                host adopts what is left.
        """
        for housekeeper in self.housekeepers:
            housekeeper.close()
        with contextlib.suppress(DatabaseUnavailableError):
            settle(self.store)
        self.store.cache.close()
        self.listener.close()
        self.recorder.close()
        with contextlib.suppress(DatabaseUnavailableError):
            self.recorder.report_dropped(self.jobs_pool)
        self.shipper.close(drain_s)
        self.codes.close()
        self.export.run()
        self.pool.close()
        self.jobs_pool.close()
        self.cache_client.close()
        self.wire_client.close()


def open_resources(settings: Settings) -> Resources:
    """Open everything. Postgres and Redis may be away: each use of them copes with that.

    Raises:
        OSError: the journal's directory cannot be written to.
        ValueError: the database of countries was damaged since the settings were read.
    """
    pool = db_pool.open_pool(
        settings.database_url,
        name="hop-web",
        max_size=settings.database_connections,
        waiters=settings.database_waiters,
        checkout_timeout_s=REQUEST_WAIT_S,
    )
    # Requests that fill their pool do not keep clicks and ranges of codes waiting.
    jobs_pool = db_pool.open_pool(settings.database_url, name="hop-jobs", max_size=JOB_CONNECTIONS)
    cache_client = connect_redis(settings.redis_url, settings.redis_timeout_ms / 1_000)
    wire_client = connect_redis(settings.redis_url, WIRE_TIMEOUT_S)
    codes = open_strategy(settings, jobs_pool)
    store = _open_store(settings, pool, cache_client, wire_client, codes.strategy)
    journal, recorder, shipper = _open_clicks(settings, jobs_pool, wire_client)
    export = Export(
        [
            (metrics.REDIRECTS.labels("memory"), lambda: store.hot.hits),
            (metrics.JOURNALED, lambda: recorder.journaled),
            (metrics.SHIPPED, lambda: shipper.shipped),
            (metrics.RECEIPTED, lambda: shipper.receipted),
            (metrics.DROPPED, lambda: recorder.dropped),
        ]
    )
    # Two threads: a server that does not answer must not keep clicks from the disk.
    housekeepers = (
        Housekeeper(_disk_jobs(settings, journal), AWAY),
        Housekeeper(
            [
                *_click_jobs(recorder, shipper, jobs_pool),
                *_link_jobs(store),
                Job("export metrics", 1.0, export.run),
            ],
            AWAY,
        ),
    )
    for housekeeper in housekeepers:
        housekeeper.start()
    listener = InvalidationListener(wire_client, store.hot)
    listener.start()
    return Resources(
        settings=settings,
        store=store,
        jobs_pool=jobs_pool,
        unknown_codes=UnknownCodeLimit(
            read_limit(settings.rate_limit), cache_client, store.cache.breaker, recorder.pseudonym
        ),
        export=export,
        listener=listener,
        recorder=recorder,
        housekeepers=housekeepers,
        shipper=shipper,
        codes=codes,
        cache_client=cache_client,
        wire_client=wire_client,
    )


def _open_store(
    settings: Settings,
    pool: Pool,
    client: "redis.Redis",
    patient_client: "redis.Redis",
    strategy: Strategy,
) -> LinkStore:
    cache = LinkCache(
        client,
        patient_client,
        ttl_s=settings.cache_ttl_s,
        negative_ttl_s=settings.negative_cache_ttl_s,
    )
    return LinkStore(pool, cache, strategy)


def _open_clicks(
    settings: Settings, pool: Pool, wire: "redis.Redis"
) -> tuple[Journal, ClickRecorder, Shipper]:
    """The way of a click out of this process, beginning to end."""
    directory = Path(settings.journal_dir)
    journal = Journal(directory, quota_bytes=settings.journal_quota_bytes)
    countries = open_countries(settings.geoip_db) if settings.geoip_db else None
    shipper = Shipper(
        directory=directory,
        journal=journal,
        pool=pool,
        wire=wire,
        rotate_bytes=rotate_bytes(settings.journal_quota_bytes),
    )
    return journal, ClickRecorder(journal, countries), shipper


def _disk_jobs(settings: Settings, journal: Journal) -> list[Job]:
    return [
        Job("write held clicks", 0.1, journal.flush),
        Job("sync journal", settings.journal_sync_s, journal.sync),
    ]


def _click_jobs(recorder: ClickRecorder, shipper: Shipper, pool: Pool) -> list[Job]:
    return [
        Job("ship clicks", 0.1, shipper.ship),
        Job("confirm clicks", 1.0, shipper.confirm),
        Job("tidy journals", 1.0, shipper.tidy),
        Job("adopt journals", 2.0, shipper.adopt),
        Job("report dropped clicks", 1.0, lambda: recorder.report_dropped(pool)),
        Job("renew visitor key", 1.0, lambda: renew_visitor_key(recorder, pool)),
    ]


def _link_jobs(store: LinkStore) -> list[Job]:
    return [
        Job("publish changes", 0.5, store.cache.publish_waiting),
        Job("settle changes", 0.5, lambda: settle(store)),
        Job("probe Redis", 0.5, store.cache.probe),
        Job("probe Postgres", 0.5, lambda: db_pool.probe(store.pool)),
    ]
