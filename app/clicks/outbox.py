"""One journal on its way into the stream: what is sent, and what is receipted."""

from collections import deque
from dataclasses import dataclass, field

from app.clicks.journal_file import JournalFile
from db.clicks.wire import CHUNK_BYTES, Chunk, stream_of


@dataclass(slots=True, eq=False)
class Outbox:
    """Invariant: `receipted <= sent`; the bytes in between are in the stream, or lost.

    A receipt may lie beyond the end of the file: a power cut can take what is already counted. For
    the shipper's thread only.
    """

    file: JournalFile
    receipted: int = 0  # bytes counted in Postgres
    sent: int = 0  # bytes added to the stream
    # Chunks sent but not receipted, oldest first: stream entry and end offset.
    in_flight: deque[tuple[bytes, int]] = field(default_factory=deque)

    @property
    def stream(self) -> str:
        """The stream of all its chunks."""
        return stream_of(self.file.producer)

    def next_chunk(self) -> Chunk | None:
        """The next whole lines to send, or None."""
        lines = self.file.read_lines(self.sent, CHUNK_BYTES)
        return Chunk(self.file.producer, self.sent, lines) if lines else None

    def note_sent(self, entry_id: bytes, chunk: Chunk) -> None:
        """The chunk is in the stream."""
        self.sent = chunk.end
        self.in_flight.append((entry_id, chunk.end))

    def note_receipt(self, receipted: int, *, oldest_missing: bool) -> int:
        """Note the receipt, and go back to it if a chunk was lost.

        Args:
            receipted: the offset in Postgres, read after the stream.
            oldest_missing: the oldest chunk in flight is not in the stream. The worker deletes a
                chunk only after the commit, so if the receipt does not cover it, it is lost: the
                stream was emptied, or the worker dropped the chunk behind a gap.

        Returns:
            The number of clicks counted since the last receipt.
        """
        oldest_end = self.in_flight[0][1] if self.in_flight else 0
        lost = oldest_missing and receipted < oldest_end
        # Postgres was restored from a backup, or a replica without the last commits took over.
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
