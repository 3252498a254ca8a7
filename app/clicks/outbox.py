"""The outbox of a journal: which bytes are sent to the stream, and which are receipted."""

from collections import deque
from dataclasses import dataclass, field

from app.clicks.journal_file import JournalFile
from db.clicks.wire import CHUNK_BYTES, Chunk, stream_of


@dataclass(slots=True, eq=False)
class Outbox:
    """Progress of a journal. Not thread-safe; only the shipper's thread uses it.

    Invariant: `receipted <= sent`, and the bytes between them are in the stream or lost. A receipt
    may exceed the file's size, because a power cut can truncate lines that are already counted.
    """

    file: JournalFile
    receipted: int = 0  # bytes counted in Postgres
    sent: int = 0  # bytes added to the stream
    # Chunks that are sent but not receipted, oldest first: (stream entry id, end offset).
    in_flight: deque[tuple[bytes, int]] = field(default_factory=deque)

    @property
    def stream(self) -> str:
        """The Redis stream for all chunks of this journal."""
        return stream_of(self.file.producer)

    def next_chunk(self) -> Chunk | None:
        """Read the next whole lines to send, at most `CHUNK_BYTES`; None if there are none.

        Raises:
            OSError: the file cannot be read.
        """
        lines = self.file.read_lines(self.sent, CHUNK_BYTES)
        return Chunk(self.file.producer, self.sent, lines) if lines else None

    def note_sent(self, entry_id: bytes, chunk: Chunk) -> None:
        """Record that the chunk from `next_chunk` is in the stream, as entry `entry_id`."""
        self.sent = chunk.end
        self.in_flight.append((entry_id, chunk.end))

    def note_receipt(self, receipted: int, *, oldest_missing: bool) -> int:
        """Record a receipt; if a chunk is lost, send again from the receipt.

        Args:
            receipted: the offset in Postgres, in bytes, read after the stream.
            oldest_missing: whether the oldest chunk in flight is missing from the stream. The
                worker deletes a chunk only after the commit, so a missing chunk that the receipt
                does not cover is lost: Redis lost it, or the worker dropped it behind a gap.

        Returns:
            The number of clicks counted since the previous receipt.
        """
        oldest_end = self.in_flight[0][1] if self.in_flight else 0
        lost = oldest_missing and receipted < oldest_end
        # Postgres lost commits: a backup was restored, or a replica that lagged took over.
        gone_back = receipted < self.receipted
        newly = self.file.count_lines(self.receipted, receipted)
        self.receipted = receipted
        while self.in_flight and self.in_flight[0][1] <= receipted:
            self.in_flight.popleft()
        if lost or gone_back or self.sent < receipted:
            self.in_flight.clear()
            self.sent = receipted
        return newly

    def is_done(self) -> bool:
        """Whether every byte of the file is counted."""
        return self.receipted >= self.file.size()
