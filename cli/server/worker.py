"""hop worker."""

import gc
import signal
import threading
from contextlib import closing

import click

from analytics_worker.consumer import Consumer
from cli.server.settings import read_settings
from db.clicks.partition_locks import PartitionLocks
from db.clicks.wire import PARTITIONS
from db.connect.pool import open_pool
from db.connect.redis_client import connect_redis

# Adding up a batch of many codes takes longer than any query of the web process may.
STATEMENT_TIMEOUT_MS = 30_000
WIRE_TIMEOUT_S = 5.0
# A batch makes some hundred thousand objects and no cycles: looking for them took half the time.
GC_THRESHOLD = 500_000


@click.command()
def worker() -> None:
    """Count clicks: from the streams in Redis to Postgres.

    Up to eight may run, and share the work. SIGTERM finishes the batch at hand. Killing one is safe
    at any time: nothing is lost or counted twice, counts just lag until another takes over.
    """
    settings = read_settings()
    gc.set_threshold(GC_THRESHOLD)
    stopping = threading.Event()
    _set_on_signal(stopping)
    with (
        connect_redis(settings.redis_url, WIRE_TIMEOUT_S) as wire,
        open_pool(
            settings.database_url,
            name="hop-worker",
            max_size=1,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        ) as pool,
        closing(PartitionLocks(settings.database_url, range(PARTITIONS))) as locks,
    ):
        Consumer(pool, wire).run(stopping, locks)


def _set_on_signal(stopping: threading.Event) -> None:
    """Set it when SIGTERM or SIGINT comes: in a thread that waits for them.

    A handler would run in the main thread, which may just then hold the lock of the event.
    """
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # in all threads that are started from now on

    def wait() -> None:
        signal.sigwait(ends)
        stopping.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
