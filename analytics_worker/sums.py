"""What some chunks add to the counts, worked out before the transaction that writes it.

Which bytes of a chunk are not counted yet depends on its journal's receipt, and only a transaction
can hold that still. So it is foreseen: nearly always a journal's next chunk begins where its
receipt stands. Whoever writes the sums looks whether it did, and adds up anew if not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from analytics_worker.pieces import Pieces
from analytics_worker.rollup import Batch
from db.clicks.dead_letters import DeadLetter
from db.clicks.tallies import Rollup
from db.clicks.wire import Chunk

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sums:
    """What some chunks add if the receipts of their journals stand at `before`."""

    before: Mapping[str, int]
    after: Mapping[str, int]
    rollup: Rollup
    poisoned: int  # lines
    letters: list[DeadLetter]  # the first of them


def add_up(chunks: Iterable[Chunk], receipts: Mapping[str, int] | None = None) -> Pieces[Sums]:
    """Add up what is not counted yet.

    Args:
        chunks: in the order in which they were sent.
        receipts: of all journals that are in it, if they are known. Else they are foreseen.
    """
    before, after = dict(receipts or {}), dict(receipts or {})
    batch = Batch()
    for chunk in chunks:
        before.setdefault(chunk.producer, chunk.offset)
        fresh = uncounted(chunk, after.setdefault(chunk.producer, chunk.offset))
        after[chunk.producer] += len(fresh.lines)
        batch.add(fresh)
        yield
    rollup = yield from batch.roll_up()
    return Sums(before, after, rollup, batch.poisoned, batch.letters)


def uncounted(chunk: Chunk, receipt: int) -> Chunk:
    """The part of a chunk that follows directly on what is counted; empty when there is none."""
    if chunk.offset > receipt:
        log.warning("gap before chunk", producer=chunk.producer, offset=chunk.offset, at=receipt)
        return Chunk(chunk.producer, receipt, b"")
    return Chunk(chunk.producer, receipt, chunk.lines[receipt - chunk.offset :])
