"""The consumer: reads chunks from the streams and counts each byte of each journal once.

What must always hold:
1. Counts and receipts change in one transaction, so a crash at any point leaves both or neither.
2. A chunk is counted only from exactly where its journal's receipt stands. What lies before is
   a duplicate and is cut off; a chunk that begins later is dropped, and its sender, seeing it
   neither in the stream nor receipted, sends again from the receipt.
3. A chunk leaves the stream only after the commit. Reading it twice is harmless, by 2.
4. A line that cannot be counted is kept as a dead letter in the transaction that moves the receipt
   past it. A damaged chunk moves no receipt: by 2, its sender sends it again.

None of this depends on which worker reads which stream, or on how many read the same one.
"""

import threading
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final

import psycopg
import redis
import structlog

from analytics_worker.events import FORMER_STREAM, PARTITIONS, STREAMS, Chunk
from analytics_worker.pieces import Pieces, Work
from analytics_worker.streams import BEGINNING, Reading, delete_entries, read_streams
from analytics_worker.sums import Sums, add_up
from db.backoff import backoff_s
from db.clicks import advance_receipts, lock_receipts, prune_receipts
from db.dead_letters import DeadLetter, add_dead_letters
from db.errors import DatabaseUnavailableError
from db.overlap import meanwhile
from db.partition_locks import PartitionLocks
from db.pool import Pool, connection_to
from db.rollups import add_rollup

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

# What Postgres says of a value that it will refuse however often it is sent.
_REFUSALS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a key too long for an index
)


Ahead = Work[tuple[Reading, Sums]]


class RefusedError(Exception):
    """Postgres will never take something that is in a batch; nothing of it was counted."""


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
        reading, sums = (
            self._take_ahead(after) or Work(self._read(after, self._chunks, block_ms)).finish()
        )
        self._is_behind = reading.is_full
        self._chunks = FIRST_CHUNKS
        ahead = None
        if reading.is_full:
            self._chunks = next_chunks(reading.limit, len(sums.rollup.hours))
            ahead = Work(self._read(after | reading.ends, self._chunks))
            ahead.step()  # asks Redis, which may take a while, before anything is locked
        if reading:
            try:
                self._count(reading, list(reading.damaged.values()), sums, ahead)
            except DatabaseUnavailableError:  # it may have been more than it does in time
                self._chunks = max(1, reading.limit // 2)
                raise
            delete_entries(self._wire, reading)
        self._ahead = ahead  # after any failure there is none: all of it is still in the streams
        return len(reading)

    def count(self, chunks: Iterable[Chunk], damaged: Sequence[DeadLetter] = ()) -> None:
        """Add chunks to the roll-ups and advance the receipts, in one transaction.

        When Postgres refuses something that is in them, the halves are counted each on its own,
        and so on until the line is found. It is kept as a dead letter, and all others are counted.
        """
        self._count(chunks, damaged, Work(add_up(chunks)).finish())

    def _read(
        self, after: Mapping[str, str], limit: int, block_ms: int | None = None
    ) -> Pieces[tuple[Reading, Sums]]:
        reading = read_streams(self._wire, after, limit, block_ms)
        sums = yield from add_up(reading)
        return reading, sums

    def _take_ahead(self, streams: Container[str]) -> tuple[Reading, Sums] | None:
        """The batch read ahead, if there was anything and it is from these streams."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None
        reading, sums = ahead.finish()
        is_ours = all(stream in streams for stream in reading.entries)
        return (reading, sums) if reading and is_ours else None

    def _count(
        self,
        chunks: Iterable[Chunk],
        damaged: Sequence[DeadLetter],
        sums: Sums,
        ahead: Ahead | None = None,
    ) -> None:
        try:
            self._write(chunks, damaged, sums, ahead)
        except RefusedError as error:
            if damaged:
                self._write((), damaged, Work(add_up(())).finish())
                self.count(chunks)
                return
            parts = list(chunks)
            if not parts:
                raise  # then it is not a line that is refused
            if len(parts) > 1:
                middle = len(parts) // 2
                halves = [parts[:middle], parts[middle:]]
            else:
                halves = [[half] for half in _halves(parts[0])]
            if len(halves) == 1:
                self._bury(parts[0], str(error))
                return
            for half in halves:
                self.count(half)

    def _tidy(self) -> None:
        prune_receipts(self._pool)
        # Whatever is in it is in a journal too, and its adopter sends it to where we read.
        self._wire.delete(FORMER_STREAM)

    def _write(
        self,
        chunks: Iterable[Chunk],
        damaged: Sequence[DeadLetter],
        sums: Sums,
        ahead: Ahead | None = None,
    ) -> None:
        step = ahead.step if ahead else None
        with connection_to(self._pool) as connection, meanwhile(connection, step):
            try:
                with connection.transaction():
                    receipts = lock_receipts(connection, sums.before)
                    if receipts != sums.before:  # something was lost, or came twice
                        sums = Work(add_up(chunks, receipts)).finish()
                    if sums.after != sums.before:
                        add_rollup(connection, sums.rollup)
                        advance_receipts(connection, sums.before, sums.after)
                    letters = [*sums.letters, *damaged]
                    if letters:
                        add_dead_letters(connection, letters, lines=sums.poisoned)
            except _REFUSALS as error:
                raise RefusedError(str(error)) from error
        if letters:
            log.warning(
                "skipped what is no click",
                lines=sums.poisoned,
                chunks=len(damaged),
                first=letters[0].reason,
            )

    def _bury(self, line: Chunk, reason: str) -> None:
        """Move the receipt past a line that cannot be counted."""
        with connection_to(self._pool) as connection, connection.transaction():
            before = lock_receipts(connection, {line.producer})
            if before[line.producer] == line.offset:
                letter = DeadLetter("line", reason, line.lines, line.producer, line.offset)
                add_dead_letters(connection, [letter], lines=1)
                advance_receipts(connection, before, {line.producer: line.end})
        log.error("a line that Postgres refuses was skipped", reason=reason)


def next_chunks(chunks: int, rows: int) -> int:
    """Chunks of each stream in the batch after one that was full: at most twice as many."""
    fitting = chunks * ROWS_PER_BATCH // max(rows, 1)
    return max(FEWEST_CHUNKS, min(fitting, 2 * chunks, MOST_CHUNKS))


def _halves(chunk: Chunk) -> list[Chunk]:
    """A chunk in two, at the end of a line; as it is when it is one line only."""
    lines = chunk.lines
    middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1 or lines.find(b"\n") + 1
    if not 0 < middle < len(lines):
        return [chunk]
    first = Chunk(chunk.producer, chunk.offset, lines[:middle])
    return [first, Chunk(chunk.producer, first.end, lines[middle:])]
