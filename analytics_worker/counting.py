"""Counting: one transaction writes the counts of chunks and the receipts of their journals.

Invariants:
1. Counts and receipts change in one transaction, so a crash at any point leaves both or neither.
2. A chunk is counted only from its journal's receipt onwards. Bytes before the receipt are
   duplicates and are cut off. A chunk that starts after the receipt is dropped: its sender finds
   it neither in the stream nor receipted, and sends again from the receipt.
3. A line that cannot be counted is kept as a dead letter in the transaction that moves the receipt
   past it. A damaged chunk moves no receipt, so its sender sends it again (see 2).

They hold for any number of workers, because each transaction locks the receipts it advances.
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

# Errors caused by a value itself: a retry fails in the same way.
_REFUSALS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a code is too long for the index
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


class RefusedError(Exception):
    """A batch contains a value that is always refused; nothing of the batch is counted."""


def count(pool: Pool, chunks: Sequence[Chunk], damaged: Sequence[DeadLetter] = ()) -> None:
    """Add chunks to the roll-ups and advance the receipts, in one transaction.

    If a value is refused, the batch is bisected, each half in a transaction of its own, until the
    line is found. That line becomes a dead letter; all others are counted.

    Args:
        pool: the database.
        chunks: in the order in which they were sent.
        damaged: dead letters for stream entries that cannot be decoded.

    Raises:
        DatabaseUnavailableError: none, some or all of the chunks are counted; a retry is safe.
        RefusedError: Postgres refuses a dead letter.
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
            _skip_line(pool, chunks[0], str(error))
        for half in halves:
            count(pool, half)


def uncounted(chunk: Chunk, receipt: int) -> Chunk:
    """The part of a chunk from the receipt (a byte offset) onwards; empty behind a gap."""
    if chunk.offset > receipt:
        log.warning("gap before chunk", producer=chunk.producer, offset=chunk.offset, at=receipt)
        return Chunk(chunk.producer, receipt, b"")
    return Chunk(chunk.producer, receipt, chunk.lines[receipt - chunk.offset :])


def _count(connection: Connection, chunks: Sequence[Chunk], damaged: Sequence[DeadLetter]) -> None:
    try:
        with connection.transaction():
            before = lock_receipts(connection, {chunk.producer for chunk in chunks})
            new_chunks, after = _cut(chunks, before)
            clicks, malformed = read_clicks(new_chunks)
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
    """The parts of chunks that are not counted yet, and the receipts after counting them."""
    new_chunks, after = [], dict(receipts)
    for chunk in chunks:
        rest = uncounted(chunk, after[chunk.producer])
        after[chunk.producer] = rest.end
        new_chunks.append(rest)
    return new_chunks, after


def _skip_line(pool: Pool, line: Chunk, reason: str) -> None:
    """Keep a refused line as a dead letter, and move the receipt past it."""
    with connection_to(pool) as connection, connection.transaction():
        before = lock_receipts(connection, {line.producer})
        if before[line.producer] == line.offset:
            letter = DeadLetter("line", reason, line.lines, line.producer, line.offset)
            add_dead_letters(connection, [letter], lines=1)
            advance_receipts(connection, before, {line.producer: line.end})
    log.error("skipped a refused line", reason=reason)


def _halves(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """Split chunks in two; a single chunk between lines; a single line not at all (empty list)."""
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
