"""The worker's process: opens its connections, and stops on a signal."""

import gc
import os
import signal
import threading
from contextlib import closing
from typing import Final

from analytics_worker.consumer import Consumer
from db.clicks.partition_locks import PartitionLocks
from db.clicks.wire import PARTITIONS
from db.connect.pool import open_pool
from db.connect.redis_client import connect_redis

# A batch with many codes needs longer than the web process allows a query.
STATEMENT_TIMEOUT_MS: Final = 30_000
WIRE_TIMEOUT_S: Final = 5.0
# A batch allocates hundreds of thousands of objects without cycles, so collect rarely.
GC_THRESHOLD: Final = 500_000


def run_worker(database_url: str, redis_url: str) -> None:
    """Count clicks until SIGTERM or SIGINT, then finish the current batch.

    Call it in the main thread, since it installs signal handlers.
    """
    gc.set_threshold(GC_THRESHOLD)
    stopping = threading.Event()
    _set_on_signal(stopping)
    with (
        connect_redis(redis_url, WIRE_TIMEOUT_S) as stream_client,
        open_pool(
            database_url,
            name="hop-worker",
            max_size=1,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        ) as pool,
        closing(PartitionLocks(database_url, range(PARTITIONS))) as locks,
    ):
        Consumer(pool, stream_client).run(stopping, locks)


def _set_on_signal(stopping: threading.Event) -> None:
    """Set the event on SIGTERM or SIGINT, from a thread that waits for the wake-up pipe.

    A handler that set the event would run in the main thread, which may hold the event's lock at
    that moment. `sigwait` does not work either: the threads that polars starts on import do not
    block the signals.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: None)

    def wait() -> None:
        os.read(reader, 1)
        stopping.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
