"""The consumer: reads chunks from the streams, has them counted, and takes them out.

What must always hold, beside the invariants of `analytics_worker.counting`: a chunk leaves the
stream only after the commit. Reading it twice is harmless.
"""

import threading
import time
from collections.abc import Container, Iterable, Mapping
from typing import Final

import redis
import structlog

from analytics_worker.counting import Prepared, count
from analytics_worker.pieces import Pieces, Work
from analytics_worker.streams import BEGINNING, Reading, delete_entries, read_streams
from analytics_worker.sums import add_up
from db.clicks.partition_locks import PartitionLocks
from db.clicks.receipts import prune_receipts
from db.clicks.wire import FORMER_STREAM, PARTITIONS, STREAMS
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError
from guard.backoff import backoff_s

log = structlog.get_logger(__name__)

ALL: Final = range(PARTITIONS)
# Chunks of each stream in a batch. A long backlog makes long batches: the more clicks, the more
# have rows in common. How long follows from the rows of the batch before; where there are few, from
# the memory that four hundred thousand clicks take, some hundred megabytes, and as many read ahead.
FIRST_CHUNKS: Final = 12
FEWEST_CHUNKS: Final = 4
MOST_CHUNKS: Final = 40
ROWS_PER_BATCH: Final = 70_000
BLOCK_MS: Final = 500
# After a batch that was all there was. What a batch costs hardly depends on what is in it: with
# this pause 800 clicks a second take 12 % of a core, Postgres included, without it 29 %.
GATHER_S: Final = 0.25
REBALANCE_EVERY_S: Final = 1.0
TIDY_EVERY_S: Final = 3_600.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

Ahead = Work[tuple[Reading, Prepared]]


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
        self._chunks = FIRST_CHUNKS  # of each stream, in the next batch
        self._is_behind = False  # the last batch was not all there was
        self._ahead: Ahead | None = None  # the next batch, in a backlog

    def run(self, stopping: threading.Event, locks: PartitionLocks) -> None:
        """Consume this worker's share until told to stop; a batch that was begun is finished."""
        failures = 0
        rebalance_at = tidy_at = time.monotonic()
        while not stopping.is_set():
            try:
                if time.monotonic() >= rebalance_at:
                    locks.rebalance()
                    rebalance_at = time.monotonic() + REBALANCE_EVERY_S
                if time.monotonic() >= tidy_at:
                    self._tidy()
                    tidy_at = time.monotonic() + TIDY_EVERY_S
                if locks.held:
                    self.consume(BLOCK_MS, sorted(locks.held))
                    if not self._is_behind:
                        stopping.wait(GATHER_S)
                else:  # there are more workers than partitions
                    self._ahead = None
                    stopping.wait(REBALANCE_EVERY_S)
                failures = 0
            except (redis.RedisError, DatabaseUnavailableError) as error:
                failures += 1
                log.warning("counting pauses", error=str(error), failures=failures)
            except Exception:
                failures += 1
                log.exception("the worker met an error that it does not know")
            if failures:
                locks.close()  # another worker may be able to do what we cannot
                self._ahead = None  # a hundred megabytes
                rebalance_at = 0.0
                stopping.wait(backoff_s(failures, FIRST_PAUSE_S, LONGEST_PAUSE_S))

    def consume(self, block_ms: int, partitions: Iterable[int] = ALL) -> int:
        """Count one batch of chunks; in a backlog the next is read and added up meanwhile.

        Args:
            block_ms: how long to wait for the first chunk when the streams are empty.
            partitions: whose streams to read.

        Returns:
            The number of chunks taken from the streams.

        Raises:
            redis.RedisError, DatabaseUnavailableError: some chunks were counted, or none, or all;
                doing it again is safe.
        """
        # From the beginning: what is counted has been deleted. Only ahead it goes on from here.
        after = dict.fromkeys((STREAMS[each] for each in partitions), BEGINNING)
        reading, batch = (
            self._take_ahead(after) or Work(self._read(after, self._chunks, block_ms)).finish()
        )
        self._is_behind = reading.is_full
        self._chunks = FIRST_CHUNKS
        ahead = None
        if reading.is_full:
            self._chunks = next_chunks(reading.limit, len(batch.sums.rollup.hours))
            ahead = Work(self._read(after | reading.ends, self._chunks))
            ahead.step()  # asks Redis, which may take a while, before anything is locked
        if reading:
            try:
                count(self._pool, batch, ahead.step if ahead else None)
            except DatabaseUnavailableError:  # it may have been more than it does in time
                self._chunks = max(1, reading.limit // 2)
                raise
            delete_entries(self._wire, reading)
        self._ahead = ahead  # after any failure there is none: all of it is still in the streams
        return len(reading)

    def _read(
        self, after: Mapping[str, str], limit: int, block_ms: int | None = None
    ) -> Pieces[tuple[Reading, Prepared]]:
        reading = read_streams(self._wire, after, limit, block_ms)
        sums = yield from add_up(reading)
        return reading, Prepared(reading, list(reading.damaged.values()), sums)

    def _take_ahead(self, streams: Container[str]) -> tuple[Reading, Prepared] | None:
        """The batch read ahead, if there was anything and it is from these streams."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None
        reading, batch = ahead.finish()
        is_ours = all(stream in streams for stream in reading.entries)
        return (reading, batch) if reading and is_ours else None

    def _tidy(self) -> None:
        prune_receipts(self._pool)
        # Whatever is in it is in a journal too, and its adopter sends it to where we read.
        self._wire.delete(FORMER_STREAM)


def next_chunks(chunks: int, rows: int) -> int:
    """Chunks of each stream in the batch after one that was full: at most twice as many."""
    fitting = chunks * ROWS_PER_BATCH // max(rows, 1)
    return max(FEWEST_CHUNKS, min(fitting, 2 * chunks, MOST_CHUNKS))
