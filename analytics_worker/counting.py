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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog

from analytics_worker.pieces import Work
from analytics_worker.sums import Sums, add_up
from db.clicks.dead_letters import DeadLetter, add_dead_letters
from db.clicks.receipts import advance_receipts, lock_receipts
from db.clicks.rollups import add_rollup
from db.clicks.wire import Chunk
from db.connect.overlap import Step, meanwhile
from db.connect.pool import Pool, connection_to

log = structlog.get_logger(__name__)

# What Postgres says of a value that it will refuse however often it is sent.
_REFUSALS: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a key too long for an index
)


class RefusedError(Exception):
    """Postgres will never take something that is in a batch; nothing of it was counted."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Chunks, what was none between them, and what they add."""

    chunks: Iterable[Chunk]  # a collection: when it is not as foreseen, it is gone through again
    damaged: Sequence[DeadLetter]
    sums: Sums


def prepare(chunks: Iterable[Chunk], damaged: Sequence[DeadLetter] = ()) -> Prepared:
    """Add up chunks, whatever the receipts of their journals may be."""
    return Prepared(chunks, damaged, Work(add_up(chunks)).finish())


def count(pool: Pool, batch: Prepared, step: Step | None = None) -> None:
    """Add chunks to the roll-ups and advance the receipts, in one transaction.

    When Postgres refuses something that is in them, the halves are counted each on its own,
    and so on until the line is found. It is kept as a dead letter, and all others are counted.

    Args:
        pool: the database.
        batch: what to count.
        step: something else to do while Postgres works.

    Raises:
        DatabaseUnavailableError: some chunks were counted, or none, or all; doing it again is safe.
        RefusedError: what Postgres refuses is no line.
    """
    try:
        _write(pool, batch, step)
    except RefusedError as error:
        if batch.damaged:
            _write(pool, prepare((), batch.damaged))
            count(pool, prepare(batch.chunks))
            return
        parts = list(batch.chunks)
        if not parts:
            raise
        if len(parts) > 1:
            middle = len(parts) // 2
            halves = [parts[:middle], parts[middle:]]
        else:
            halves = [[half] for half in _halves(parts[0])]
        if len(halves) == 1:
            _bury(pool, parts[0], str(error))
            return
        for half in halves:
            count(pool, prepare(half))


def _write(pool: Pool, batch: Prepared, step: Step | None = None) -> None:
    sums = batch.sums
    with connection_to(pool) as connection, meanwhile(connection, step):
        try:
            with connection.transaction():
                receipts = lock_receipts(connection, sums.before)
                if receipts != sums.before:  # something was lost, or came twice
                    sums = Work(add_up(batch.chunks, receipts)).finish()
                if sums.after != sums.before:
                    add_rollup(connection, sums.rollup)
                    advance_receipts(connection, sums.before, sums.after)
                letters = [*sums.letters, *batch.damaged]
                if letters:
                    add_dead_letters(connection, letters, lines=sums.poisoned)
        except _REFUSALS as error:
            raise RefusedError(str(error)) from error
    if letters:
        log.warning(
            "skipped what is no click",
            lines=sums.poisoned,
            chunks=len(batch.damaged),
            first=letters[0].reason,
        )


def _bury(pool: Pool, line: Chunk, reason: str) -> None:
    """Move the receipt past a line that cannot be counted."""
    with connection_to(pool) as connection, connection.transaction():
        before = lock_receipts(connection, {line.producer})
        if before[line.producer] == line.offset:
            letter = DeadLetter("line", reason, line.lines, line.producer, line.offset)
            add_dead_letters(connection, [letter], lines=1)
            advance_receipts(connection, before, {line.producer: line.end})
    log.error("a line that Postgres refuses was skipped", reason=reason)


def _halves(chunk: Chunk) -> list[Chunk]:
    """A chunk in two, at the end of a line; as it is when it is one line only."""
    lines = chunk.lines
    middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1 or lines.find(b"\n") + 1
    if not 0 < middle < len(lines):
        return [chunk]
    first = Chunk(chunk.producer, chunk.offset, lines[:middle])
    return [first, Chunk(chunk.producer, first.end, lines[middle:])]
