"""python -m analytics_worker: count clicks from Redis's streams into Postgres, until SIGTERM."""

import gc
import os
import signal
import threading
from contextlib import closing

from analytics_worker.consumer import Consumer
from db.clicks.partition_locks import PartitionLocks
from db.clicks.wire import PARTITIONS
from db.connect.pool import open_pool
from db.connect.redis_client import connect_redis

# Adding up a batch of many codes takes longer than any query of a web process may.
STATEMENT_TIMEOUT_MS = 30_000
WIRE_TIMEOUT_S = 5.0
# A batch makes hundreds of thousands of objects without cycles; searching them took half the time.
GC_THRESHOLD = 500_000


def run(database_url: str, redis_url: str) -> None:
    """Count clicks until SIGTERM or SIGINT."""
    gc.set_threshold(GC_THRESHOLD)
    stopping = threading.Event()
    _set_on_signal(stopping)
    with (
        connect_redis(redis_url, WIRE_TIMEOUT_S) as wire,
        open_pool(
            database_url,
            name="hop-worker",
            max_size=1,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        ) as pool,
        closing(PartitionLocks(database_url, range(PARTITIONS))) as locks,
    ):
        Consumer(pool, wire).run(stopping, locks)


def _set_on_signal(stopping: threading.Event) -> None:
    """Set the event on SIGTERM or SIGINT, from a thread that waits for them.

    A handler would run in the main thread, which may hold the lock of the event.
    """
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # inherited by threads started from now on

    def wait() -> None:
        signal.sigwait(signals)
        stopping.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()


if __name__ == "__main__":
    run(os.environ["HOP_DATABASE_URL"], os.environ["HOP_REDIS_URL"])
