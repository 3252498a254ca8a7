"""What a web process opens, the periodic jobs it runs, and how it closes."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from app.cache.changes import PendingChanges
from app.cache.invalidation import InvalidationListener
from app.cache.memory import MemoryCache
from app.cache.redis_cache import RedisCache
from app.clicks.countries import open_countries
from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder, renew_visitor_key
from app.clicks.shipper import DRAIN_S, Shipper, rotation_bytes
from app.links.codes import CodeSource, open_strategy
from app.links.edit import LinkEditor
from app.links.shorten import Shortener
from app.observe import metrics
from app.redirect.guess_limit import GuessLimit
from app.redirect.lookup import LinkReader
from app.settings import Settings, read_limit
from db.connect.pool import Pool, open_pool, ping, probe
from db.connect.redis_client import GuardedRedis, connect_redis
from db.errors import DatabaseUnavailableError
from guard.periodic import Job, JobThread

# For changes, the streams and invalidations, where waiting is better than losing.
PATIENT_TIMEOUT_S: Final = 2.0
# A request that waits longer for a connection is shed.
REQUEST_WAIT_S: Final = 0.15
JOB_CONNECTIONS: Final = 3
# What a job may raise while a server is away or the disk is full.
TRANSIENT_ERRORS: Final = (redis.RedisError, DatabaseUnavailableError, OSError)


@dataclass(frozen=True, slots=True)
class WebProcess:
    """Everything in a web process that has a socket, a file or a thread behind it."""

    settings: Settings
    pool: Pool  # for requests
    jobs_pool: Pool  # requests that use up their own connections delay no job
    cache_redis: GuardedRedis
    patient_client: "redis.Redis"
    memory: MemoryCache
    redis_cache: RedisCache
    changes: PendingChanges
    listener: InvalidationListener
    guess_limit: GuessLimit
    reader: LinkReader
    codes: CodeSource
    shortener: Shortener
    editor: LinkEditor
    recorder: ClickRecorder
    shipper: Shipper
    export: metrics.Export
    job_threads: tuple[JobThread, ...]

    def pings(self) -> dict[str, Callable[[], object]]:
        """For each server, a call that raises DatabaseUnavailableError or RedisUnavailableError."""
        return {
            "postgres": lambda: ping(self.pool),
            "redis": self.cache_redis.ping,
        }

    def start(self) -> None:
        """Start the threads."""
        for thread in self.job_threads:
            thread.start()
        self.listener.start()

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Ship the last clicks, then close everything.

        Args:
            drain_s: how long to wait until the worker has counted them. The next process on this
                host adopts the rest.
        """
        for thread in self.job_threads:
            thread.close()
        self.cache_redis.probe()
        with contextlib.suppress(DatabaseUnavailableError):
            self.changes.settle()
        self.changes.close()
        self.listener.close()
        self.recorder.close()
        with contextlib.suppress(DatabaseUnavailableError):
            self.recorder.report_dropped(self.jobs_pool)
        self.shipper.close(drain_s)
        self.codes.close()
        self.export.run()
        self.pool.close()
        self.jobs_pool.close()
        self.cache_redis.client.close()
        self.patient_client.close()


def open_process(settings: Settings) -> WebProcess:
    """Open everything and start the threads, after fork.

    Postgres and Redis may be away: each use copes with that.

    Raises:
        OSError: the journal's directory cannot be written to.
        ValueError: the database of countries was damaged since the settings were read.
    """
    pool = open_pool(
        settings.database_url,
        name="hop-web",
        max_size=settings.database_connections,
        waiters=settings.database_waiters,
        checkout_timeout_s=REQUEST_WAIT_S,
    )
    jobs_pool = open_pool(settings.database_url, name="hop-jobs", max_size=JOB_CONNECTIONS)
    guarded = GuardedRedis(connect_redis(settings.redis_url, settings.redis_timeout_ms / 1_000))
    patient_client = connect_redis(settings.redis_url, PATIENT_TIMEOUT_S)
    memory = MemoryCache()
    redis_cache = RedisCache(
        guarded,
        patient_client,
        ttl_s=settings.cache_ttl_s,
        negative_ttl_s=settings.negative_cache_ttl_s,
    )
    changes = PendingChanges(pool, redis_cache, memory)
    codes = open_strategy(settings, jobs_pool)
    journal, recorder, shipper = _open_clicks(settings, jobs_pool, patient_client)
    guess_limit = GuessLimit(read_limit(settings.rate_limit), guarded, recorder.pseudonym)
    export = _export(memory, recorder, shipper)
    jobs = [
        *_click_jobs(recorder, shipper, jobs_pool),
        *_link_jobs(changes, guarded, pool),
        Job("export metrics", 1.0, export.run),
    ]
    process = WebProcess(
        settings=settings,
        pool=pool,
        jobs_pool=jobs_pool,
        cache_redis=guarded,
        patient_client=patient_client,
        memory=memory,
        redis_cache=redis_cache,
        changes=changes,
        listener=InvalidationListener(patient_client, memory),
        guess_limit=guess_limit,
        reader=LinkReader(pool, memory, redis_cache, guess_limit),
        codes=codes,
        shortener=Shortener(pool, redis_cache, codes.strategy),
        editor=LinkEditor(pool, changes),
        recorder=recorder,
        shipper=shipper,
        export=export,
        # Two threads: a server that does not answer must not keep clicks from the disk.
        job_threads=(
            JobThread(_disk_jobs(settings, journal), TRANSIENT_ERRORS),
            JobThread(jobs, TRANSIENT_ERRORS),
        ),
    )
    process.start()
    return process


def _open_clicks(
    settings: Settings, pool: Pool, patient_client: "redis.Redis"
) -> tuple[Journal, ClickRecorder, Shipper]:
    """The path of a click out of this process."""
    directory = Path(settings.journal_dir)
    journal = Journal(directory, quota_bytes=settings.journal_quota_bytes)
    countries = open_countries(settings.geoip_db) if settings.geoip_db else None
    shipper = Shipper(
        directory=directory,
        journal=journal,
        pool=pool,
        stream_client=patient_client,
        rotate_bytes=rotation_bytes(settings.journal_quota_bytes),
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


def _link_jobs(changes: PendingChanges, guarded: GuardedRedis, pool: Pool) -> list[Job]:
    return [
        Job("publish changes", 0.5, changes.publish),
        Job("settle changes", 0.5, changes.settle),
        Job("probe Redis", 0.5, guarded.probe),
        Job("probe Postgres", 0.5, lambda: probe(pool)),
    ]


def _export(memory: MemoryCache, recorder: ClickRecorder, shipper: Shipper) -> metrics.Export:
    return metrics.Export(
        [
            (metrics.REDIRECTS.labels("memory"), lambda: memory.hits),
            (metrics.JOURNALED, lambda: recorder.journaled),
            (metrics.SHIPPED, lambda: shipper.shipped),
            (metrics.RECEIPTED, lambda: shipper.receipted),
            (metrics.DROPPED, lambda: recorder.dropped),
        ]
    )
