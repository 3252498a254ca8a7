"""The worker's loop: reads chunks from the streams, has them counted, and takes them out.

What must always hold, beside the invariants of `analytics_worker.counting`: a chunk leaves the
stream only after the commit. Reading it twice is harmless.
"""

import threading
import time
from collections.abc import Iterable
from typing import Final

import redis
import structlog

from analytics_worker.counting import count
from analytics_worker.streams import delete_entries, read_batch
from db.clicks.partition_locks import PartitionLocks
from db.clicks.receipts import prune_receipts
from db.clicks.wire import PARTITIONS, STREAMS
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError
from guard.backoff import backoff_s

log = structlog.get_logger(__name__)

ALL: Final = range(PARTITIONS)
# Of each stream in a batch. The more clicks, the more have rows in common; bounded by memory, and
# by the time for which a stop waits.
CHUNKS_PER_STREAM: Final = 40
BLOCK_MS: Final = 500
# After a batch that was all there was. What a batch costs hardly depends on what is in it: with
# this pause 800 clicks a second take 12 % of a core, Postgres included, without it 29 %.
GATHER_S: Final = 0.25
REBALANCE_EVERY_S: Final = 1.0
PRUNE_EVERY_S: Final = 3_600.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0


class Consumer:
    """Counts what is in the streams. Several may run: receipts are locked while one counts."""

    def __init__(self, pool: Pool, wire: "redis.Redis") -> None:
        """Take what the worker's process has opened.

        Args:
            pool: the database.
            wire: Redis, with a socket time-out well above `BLOCK_MS`.
        """
        self._pool = pool
        self._wire = wire
        self._chunks = CHUNKS_PER_STREAM  # of each stream, in the next batch
        self.is_behind = False  # the last batch was not all there was

    def run(self, stopping: threading.Event, locks: PartitionLocks) -> None:
        """Consume this worker's share until told to stop; a batch that was begun is finished."""
        failures = 0
        rebalance_at = prune_at = time.monotonic()
        while not stopping.is_set():
            try:
                if time.monotonic() >= rebalance_at:
                    locks.rebalance()
                    rebalance_at = time.monotonic() + REBALANCE_EVERY_S
                if time.monotonic() >= prune_at:
                    prune_receipts(self._pool)
                    prune_at = time.monotonic() + PRUNE_EVERY_S
                if locks.held:
                    self.consume(BLOCK_MS, sorted(locks.held))
                    if not self.is_behind:
                        stopping.wait(GATHER_S)
                else:  # there are more workers than partitions
                    stopping.wait(REBALANCE_EVERY_S)
                failures = 0
            except (redis.RedisError, DatabaseUnavailableError) as error:
                failures += 1
                log.warning("counting pauses", error=str(error), failures=failures)
            except Exception:
                failures += 1
                log.exception("unexpected error")
            if failures:
                locks.close()  # another worker may be able to do what we cannot
                rebalance_at = 0.0
                stopping.wait(backoff_s(failures, FIRST_PAUSE_S, LONGEST_PAUSE_S))

    def consume(self, block_ms: int, partitions: Iterable[int] = ALL) -> int:
        """Count one batch of chunks.

        Args:
            block_ms: how long to wait for the first chunk when the streams are empty.
            partitions: whose streams to read.

        Returns:
            The number of chunks taken from the streams.

        Raises:
            redis.RedisError, DatabaseUnavailableError: some chunks were counted, or none, or all;
                doing it again is safe.
        """
        streams = [STREAMS[partition] for partition in partitions]
        batch = read_batch(self._wire, streams, self._chunks, block_ms)
        self.is_behind = batch.is_full
        if batch:
            try:
                count(self._pool, batch.chunks, batch.damaged)
            except DatabaseUnavailableError:  # it may have been more than it does in time
                self._chunks = max(1, self._chunks // 2)
                raise
            delete_entries(self._wire, batch)
        self._chunks = CHUNKS_PER_STREAM
        return len(batch)
