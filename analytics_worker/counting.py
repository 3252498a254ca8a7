"""Counting: what chunks add is written together with the receipts of their journals.

What must always hold:
1. Counts and receipts change in one transaction, so a crash at any point leaves both or neither.
2. A chunk is counted only from exactly where its journal's receipt stands. What lies before is
   a duplicate and is cut off; a chunk that begins later is dropped, and its sender, seeing it
   neither in the stream nor receipted, sends again from the receipt.
3. A line that cannot be counted is kept as a dead letter in the transaction that moves the receipt
   past it. A damaged chunk moves no receipt: by 2, its sender sends it again.

None of this depends on who counts, or on how many do: receipts are locked while one does.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl
import psycopg
import structlog

from analytics_worker.aggregate import read_clicks, roll_up
from db.clicks.dead_letters import DeadLetter, add_dead_letters
from db.clicks.receipts import advance_receipts, lock_receipts
from db.clicks.rollups import add_rollup
from db.clicks.wire import Chunk
from db.connect.pool import Connection, Pool, connection_to

log = structlog.get_logger(__name__)

# What Postgres or polars says of a value that it will refuse however often it is given.
_REFUSALS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a code too long for an index
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


class RefusedError(Exception):
    """Something in a batch will never be accepted; nothing of the batch was counted."""


def count(pool: Pool, chunks: Sequence[Chunk], damaged: Sequence[DeadLetter] = ()) -> None:
    """Add chunks to the roll-ups and advance the receipts, in one transaction.

    When something in them is refused, the halves are counted each on its own, and so on until
    the line is found. It is kept as a dead letter, and all others are counted.

    Args:
        pool: the database.
        chunks: in the order in which they were sent.
        damaged: entries of the streams that are no chunks.

    Raises:
        DatabaseUnavailableError: some chunks were counted, or none, or all; doing it again is safe.
        RefusedError: a dead letter is refused.
    """
    try:
        with connection_to(pool) as connection:
            _count(connection, chunks, damaged)
    except RefusedError as error:
        if not chunks:
            raise
        if damaged:
            count(pool, (), damaged)
        halves = _halves(chunks)
        if not halves:
            _bury(pool, chunks[0], str(error))
        for half in halves:
            count(pool, half)


def uncounted(chunk: Chunk, receipt: int) -> Chunk:
    """The part of a chunk that follows directly on what is counted; empty when there is none."""
    if chunk.offset > receipt:
        log.warning("gap before chunk", producer=chunk.producer, offset=chunk.offset, at=receipt)
        return Chunk(chunk.producer, receipt, b"")
    return Chunk(chunk.producer, receipt, chunk.lines[receipt - chunk.offset :])


def _count(connection: Connection, chunks: Sequence[Chunk], damaged: Sequence[DeadLetter]) -> None:
    try:
        with connection.transaction():
            before = lock_receipts(connection, {chunk.producer for chunk in chunks})
            fresh, after = _cut(chunks, before)
            clicks, malformed = read_clicks(fresh)
            if len(clicks):
                add_rollup(connection, roll_up(clicks))
            if after != before:
                advance_receipts(connection, before, after)
            letters = [*malformed.letters, *damaged]
            if letters:
                add_dead_letters(connection, letters, lines=malformed.lines)
    except _REFUSALS as error:
        raise RefusedError(str(error)) from error
    if letters:
        log.warning(
            "dead letters", lines=malformed.lines, chunks=len(damaged), first=letters[0].reason
        )


def _cut(
    chunks: Sequence[Chunk], receipts: Mapping[str, int]
) -> tuple[list[Chunk], dict[str, int]]:
    """What of some chunks is not counted yet, and where the receipts stand once it is."""
    fresh, after = [], dict(receipts)
    for chunk in chunks:
        rest = uncounted(chunk, after[chunk.producer])
        after[chunk.producer] = rest.end
        fresh.append(rest)
    return fresh, after


def _bury(pool: Pool, line: Chunk, reason: str) -> None:
    """Move the receipt past a line that cannot be counted."""
    with connection_to(pool) as connection, connection.transaction():
        before = lock_receipts(connection, {line.producer})
        if before[line.producer] == line.offset:
            letter = DeadLetter("line", reason, line.lines, line.producer, line.offset)
            add_dead_letters(connection, [letter], lines=1)
            advance_receipts(connection, before, {line.producer: line.end})
    log.error("skipped a line that Postgres refuses", reason=reason)


def _halves(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """Chunks in two parts; of one chunk, its lines; empty for a single line."""
    if len(chunks) > 1:
        middle = len(chunks) // 2
        return [list(chunks[:middle]), list(chunks[middle:])]
    chunk = chunks[0]
    lines = chunk.lines
    middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1 or lines.find(b"\n") + 1
    if not 0 < middle < len(lines):
        return []
    first = Chunk(chunk.producer, chunk.offset, lines[:middle])
    return [[first], [Chunk(chunk.producer, first.end, lines[middle:])]]
