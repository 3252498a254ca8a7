"""The worker's loop: read chunks from the streams, count them, delete them.

Invariant, in addition to those of `analytics_worker.counting`: a chunk is deleted from its stream
only after the commit that counts it. Reading a chunk twice is harmless.
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
# Per batch. Larger batches write fewer rows per click; memory and the wait at shutdown bound them.
CHUNKS_PER_STREAM: Final = 40
BLOCK_MS: Final = 500
# Pause after a batch that emptied the streams. A batch costs about the same whatever its size, so
# waiting for more clicks saves processor time.
GATHER_S: Final = 0.25
REBALANCE_EVERY_S: Final = 1.0
PRUNE_EVERY_S: Final = 3_600.0
FIRST_PAUSE_S: Final = 0.1
MAX_PAUSE_S: Final = 5.0


class Consumer:
    """Counts the clicks in the streams. For one thread.

    Several processes may consume the same streams: each batch locks the receipts that it advances.
    """

    def __init__(self, pool: Pool, stream_client: "redis.Redis") -> None:
        """Use a connection pool and Redis; the caller closes both.

        Args:
            pool: the database.
            stream_client: Redis, with a socket time-out well above `BLOCK_MS`.
        """
        self._pool = pool
        self._stream_client = stream_client
        self._chunks = CHUNKS_PER_STREAM  # limit per stream for the next batch
        self.is_behind = False  # the last batch may have left chunks in a stream

    def run(self, stopping: threading.Event, locks: PartitionLocks) -> None:
        """Consume this worker's partitions until `stopping` is set; finish the current batch.

        Errors are logged and retried with back-off, never raised.
        """
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
                else:  # more workers than partitions
                    stopping.wait(REBALANCE_EVERY_S)
                failures = 0
            except (redis.RedisError, DatabaseUnavailableError) as error:
                failures += 1
                log.warning("counting pauses", error=str(error), failures=failures)
            except Exception:
                failures += 1
                log.exception("unexpected error")
            if failures:
                locks.close()  # another worker may still reach Redis and Postgres
                rebalance_at = 0.0
                stopping.wait(backoff_s(failures, FIRST_PAUSE_S, MAX_PAUSE_S))

    def consume(self, block_ms: int, partitions: Iterable[int] = ALL) -> int:
        """Count one batch of chunks.

        Args:
            block_ms: how long to wait for the first chunk when the streams are empty; above 0.
            partitions: the partitions to read, each in [0, PARTITIONS).

        Returns:
            The number of chunks deleted from the streams, damaged ones included.

        Raises:
            redis.RedisError, DatabaseUnavailableError: none, some or all of the batch is counted;
                a retry is safe.
        """
        streams = [STREAMS[partition] for partition in partitions]
        batch = read_batch(self._stream_client, streams, self._chunks, block_ms)
        self.is_behind = batch.is_full
        if batch:
            try:
                count(self._pool, batch.chunks, batch.damaged)
            except DatabaseUnavailableError:  # the batch may be too large for the statement timeout
                self._chunks = max(1, self._chunks // 2)
                raise
            delete_entries(self._stream_client, batch)
        self._chunks = CHUNKS_PER_STREAM
        return len(batch)
