"""The consumer: reads chunks from the stream and counts each byte of each journal once.

What must always hold:
1. Counts and receipts change in one transaction, so a crash at any point leaves both or neither.
2. A chunk is counted only from exactly where its journal's receipt stands. What lies before is
   a duplicate and is cut off; a chunk that begins later is dropped, and its sender, seeing it
   neither in the stream nor receipted, sends again from the receipt.
3. A chunk leaves the stream only after the commit. Reading it twice is harmless, by 2.
"""

import random
import threading
from collections.abc import Iterable
from typing import Any, Final, cast

import redis
import structlog

from analytics_worker.events import STREAM, Chunk, PoisonedError, chunk_from_fields
from analytics_worker.rollup import roll_up
from db.clicks import add_rollup, advance_receipts, lock_receipts
from db.errors import DatabaseUnavailableError
from db.pool import Pool, connection_to

log = structlog.get_logger(__name__)

CHUNKS_PER_BATCH: Final = 32
BLOCK_MS: Final = 500
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0


class Consumer:
    """Counts what is in the stream. Several may run: receipts are locked while one counts."""

    def __init__(self, pool: Pool, wire: "redis.Redis") -> None:
        """Take what the worker's process has opened.

        Args:
            pool: the database.
            wire: Redis, with a socket time-out well above `BLOCK_MS`.
        """
        self._pool = pool
        self._wire = wire

    def run(self, stopping: threading.Event) -> None:
        """Consume until told to stop; a batch that was begun is finished."""
        failures = 0
        while not stopping.is_set():
            try:
                self.consume(BLOCK_MS)
                failures = 0
            except (redis.RedisError, DatabaseUnavailableError) as error:
                failures += 1
                log.warning("counting pauses", error=str(error), failures=failures)
            except Exception:
                failures += 1
                log.exception("the worker met an error that it does not know")
            if failures:
                longest = min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S)
                stopping.wait(random.uniform(longest / 2, longest))  # noqa: S311 - jitter

    def consume(self, block_ms: int) -> int:
        """Count one batch of chunks.

        Args:
            block_ms: how long to wait for the first chunk when the stream is empty.

        Returns:
            The number of chunks taken from the stream.

        Raises:
            redis.RedisError, DatabaseUnavailableError: nothing was counted, or everything was;
                doing it again is safe.
        """
        # From the beginning, not from where we were: what is counted has been deleted.
        read = self._wire.xread({STREAM: "0"}, count=CHUNKS_PER_BATCH, block=block_ms)
        entries = _entries(read)
        if entries:
            self.count(_chunks(entries))
            self._wire.xdel(STREAM, *(entry_id for entry_id, _ in entries))
        return len(entries)

    def count(self, chunks: Iterable[Chunk]) -> None:
        """Add chunks to the roll-ups and advance the receipts, in one transaction."""
        held = list(chunks)
        with connection_to(self._pool) as connection, connection.transaction():
            before = lock_receipts(connection, (chunk.producer for chunk in held))
            after = dict(before)
            fresh = bytearray()
            for chunk in held:
                lines = uncounted(chunk, after[chunk.producer])
                fresh += lines
                after[chunk.producer] += len(lines)
            if fresh:
                add_rollup(connection, roll_up(bytes(fresh).splitlines()))
                advance_receipts(connection, before, after)


def uncounted(chunk: Chunk, receipt: int) -> bytes:
    """The part of a chunk that follows directly on what is counted; empty when there is none."""
    if chunk.offset > receipt:
        log.warning("gap before chunk", producer=chunk.producer, offset=chunk.offset, at=receipt)
        return b""
    return chunk.lines[receipt - chunk.offset :]


def _entries(read: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of our one stream, from either shape that redis-py gives XREAD's answer."""
    if not read:
        return []
    streams = list(read.values()) if isinstance(read, dict) else [found for _, found in read]
    return cast("list[tuple[bytes, dict[bytes, bytes]]]", streams[0])


def _chunks(entries: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterable[Chunk]:
    for entry_id, fields in entries:
        try:
            yield chunk_from_fields(fields)
        except PoisonedError as error:
            log.warning("poisoned chunk skipped", entry=entry_id.decode(), error=str(error))
