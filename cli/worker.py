"""hop worker."""

import gc
import signal
import sys
import threading
from contextlib import ExitStack, closing

import click

from analytics_worker.consumer import Consumer
from analytics_worker.events import PARTITIONS
from cli.environment import read_settings
from db.partition_locks import PartitionLocks
from db.pool import open_pool
from db.redis_client import connect_redis

# Adding up a batch of many codes takes longer than any query of the web process may.
STATEMENT_TIMEOUT_MS = 30_000
WIRE_TIMEOUT_S = 5.0
# While one waits for Postgres, the other takes clicks apart.
THREADS = 2
# A batch makes some hundred thousand objects and no cycles: looking for them took half the time.
GC_THRESHOLD = 500_000
# One thread has to do with Postgres a hundred times per batch, shortly; each time it waited for the
# other one to be interrupted, after 5 ms by default.
SWITCH_INTERVAL_S = 0.000_5


@click.command()
def worker() -> None:
    """Count clicks: from the streams in Redis to Postgres.

    Up to four may run, and share the work. SIGTERM finishes the batch at hand. Killing one is safe
    at any time: nothing is lost or counted twice, counts just lag until another takes over.
    """
    settings = read_settings()
    gc.set_threshold(GC_THRESHOLD)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stopping = threading.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: stopping.set())
    with (
        connect_redis(settings.redis_url, WIRE_TIMEOUT_S) as wire,
        open_pool(
            settings.database_url,
            name="hop-worker",
            max_size=THREADS,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        ) as pool,
        ExitStack() as stack,
    ):
        consumers = []
        for number in range(1, THREADS + 1):
            locks = PartitionLocks(settings.database_url, range(PARTITIONS))
            stack.enter_context(closing(locks))
            run, name = Consumer(pool, wire).run, f"consumer-{number}"
            consumers.append(threading.Thread(target=run, args=(stopping, locks), name=name))
        for consumer in consumers:
            consumer.start()
        for consumer in consumers:
            consumer.join()
