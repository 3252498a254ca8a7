"""One journal on its way into the stream: what was sent, and what is receipted."""

from collections import deque
from dataclasses import dataclass, field

from app.clicks.journal_file import JournalFile
from db.clicks.wire import CHUNK_BYTES, Chunk, stream_of


@dataclass(slots=True, eq=False)
class Outbox:
    """Always `receipted <= sent`; bytes in between are in the stream, or lost.

    A receipt may lie beyond the end of the file: a power cut may take what was counted already.
    Used by the shipper's thread alone.
    """

    file: JournalFile
    receipted: int = 0  # bytes counted in Postgres
    sent: int = 0  # bytes added to the stream
    # Chunks sent and not yet receipted, oldest first: stream entry and end offset.
    in_flight: deque[tuple[bytes, int]] = field(default_factory=deque)

    @property
    def stream(self) -> str:
        """The stream of all its chunks."""
        return stream_of(self.file.producer)

    def next_chunk(self) -> Chunk | None:
        """The next whole lines that were not sent, or None."""
        lines = self.file.read_lines(self.sent, CHUNK_BYTES)
        return Chunk(self.file.producer, self.sent, lines) if lines else None

    def note_sent(self, entry_id: bytes, chunk: Chunk) -> None:
        """The chunk is in the stream."""
        self.sent = chunk.end
        self.in_flight.append((entry_id, chunk.end))

    def note_receipt(self, receipted: int, *, oldest_missing: bool) -> int:
        """Take note of the receipt, and go back to it if a chunk got lost.

        Args:
            receipted: the offset in Postgres, read after the look into the stream.
            oldest_missing: the oldest chunk in flight was not in the stream. The worker deletes
                a chunk only after the commit, so if the receipt does not cover it either, it is
                lost: the stream was emptied, or the worker dropped it behind a gap.

        Returns:
            The number of clicks that are counted now and were not before.
        """
        oldest_end = self.in_flight[0][1] if self.in_flight else 0
        lost = oldest_missing and receipted < oldest_end
        # Postgres was restored from a backup, or a replica took over without the last commits.
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
        """Every byte that was ever written is counted."""
        return self.receipted >= self.file.size()
