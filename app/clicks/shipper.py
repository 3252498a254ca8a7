"""Moves clicks from journals into the stream, until they are receipted.

The file is the outbox, the stream is the wire, the offset in Postgres is the receipt: whatever
Redis forgets is sent again, and whatever arrives twice is dropped by the worker, by its offset.
"""

import contextlib
import time
from pathlib import Path
from typing import Final, cast

import redis
import structlog

from app.clicks.journal import Journal
from app.clicks.journal_file import JournalFile, adopt_orphans
from app.clicks.outbox import Outbox
from db.clicks.receipts import mark_removed, read_receipts
from db.clicks.wire import chunk_to_fields
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError

log = structlog.get_logger(__name__)

# A stream this long means that nobody reads it; the disk holds the rest. Chunks are then as long as
# can be, normally 40 KB compressed: all streams together take 64 MB. (Of user agents that somebody
# draws at random they would take 300.)
LONGEST_STREAM: Final = 200
ROTATE_BYTES: Final = 8 * 1024 * 1024
# Then other jobs have their turn: after an outage there may be thousands.
CHUNKS_AT_ONCE: Final = 16
DRAIN_S: Final = 2.0


def rotate_bytes(quota_bytes: int) -> int:
    """The length at which a journal is ended: early enough for several to fit in the quota."""
    return min(ROTATE_BYTES, quota_bytes // 4) if quota_bytes else ROTATE_BYTES


class Shipper:
    """Ships this process's journal and those of dead processes on this host.

    Its methods are jobs for one thread. Each does nothing twice when it is run again after it
    failed with redis.RedisError, DatabaseUnavailableError or OSError.
    """

    def __init__(
        self,
        *,
        directory: Path,
        journal: Journal,
        pool: Pool,
        wire: "redis.Redis",
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._pool = pool
        self._wire = wire
        self._rotate_bytes = rotate_bytes
        self._own = Outbox(journal.file)
        self._others: list[Outbox] = []
        self._aside: list[Outbox] = []  # unreadable
        self._unsynced: list[JournalFile] = []  # rotated
        self._removed: list[str] = []  # producers whose removal Postgres does not know yet
        # Clicks of all journals in this process's care, since it began.
        self.shipped = 0  # resent ones each time
        self.receipted = 0

    def ship(self) -> None:
        """Add some of what is new to the stream, oldest journals first, while it is short."""
        left = CHUNKS_AT_ONCE
        for outbox in [*self._others, self._own]:
            try:
                left -= self._ship(outbox, left)
            except OSError as error:
                self._set_aside(outbox, error)

    def _ship(self, outbox: Outbox, most: int) -> int:
        for number in range(most):
            chunk = outbox.next_chunk()
            if chunk is None or self._wire.xlen(outbox.stream) >= LONGEST_STREAM:
                return number
            entry_id = cast("bytes", self._wire.xadd(outbox.stream, chunk_to_fields(chunk)))
            outbox.note_sent(entry_id, chunk)
            self.shipped += chunk.lines.count(b"\n")
        return most

    def confirm(self) -> None:
        """Look which chunks are counted, and let lost ones be sent again."""
        written = [box for box in [*self._others, self._own] if box.file.size() > 0]
        if not written:
            return
        # First the stream, then the receipts: the other way round, a chunk that is counted and
        # deleted in between would look lost. (It would only be sent twice.)
        missing = [self._oldest_is_missing(outbox) for outbox in written]
        receipts = read_receipts(self._pool, [outbox.file.producer for outbox in written])
        for outbox, oldest_missing in zip(written, missing, strict=True):
            try:
                self.receipted += outbox.note_receipt(
                    receipts[outbox.file.producer], oldest_missing=oldest_missing
                )
            except OSError as error:
                self._set_aside(outbox, error)

    def tidy(self) -> None:
        """Begin a new journal when this one is long; remove those that are counted to the end.

        Lines that were held are written into the room that this makes.
        """
        size = self._own.file.size()
        # A file is removed as a whole: when there is no room, even a short one is worth its end.
        if size >= self._rotate_bytes or (self._journal.held and size > 0):
            old = self._journal.rotate()  # on a full disk this fails, and nothing has changed
            self._others.append(self._own)
            self._own = Outbox(self._journal.file)
            self._unsynced.append(old)
        while self._unsynced:
            self._unsynced[0].sync()
            self._unsynced.pop(0)
        for outbox in [outbox for outbox in self._others if outbox.is_done()]:
            self._others.remove(outbox)
            self._remove(outbox)
        held = [*self._others, *self._aside]
        self._journal.leave_room(sum(outbox.file.size() for outbox in held))
        with contextlib.suppress(OSError):  # no room yet; the job of its own says so
            self._journal.flush()
        self._report_removed()

    def adopt(self) -> None:
        """Take over the journals of dead processes, from where their receipts stand."""
        for file in adopt_orphans(self._directory):
            try:
                self._others.append(self._outbox_of(file))
            except BaseException:
                file.close()
                raise
            log.info("journal adopted", producer=file.producer, bytes=file.size())

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Ship what is left, wait shortly for receipts, and leave the rest to be adopted.

        The recorder must have been closed: what is written later is not looked at.
        """
        deadline = time.monotonic() + drain_s
        with contextlib.suppress(redis.RedisError, DatabaseUnavailableError, OSError):
            self.ship()
            self.confirm()
            while not self._own.is_done() and time.monotonic() < deadline:
                time.sleep(0.05)
                self.ship()
                self.confirm()
        for outbox in [self._own, *self._others]:
            if outbox.is_done():
                try:
                    self._remove(outbox)
                except OSError as error:
                    log.warning("journal cannot be removed", error=str(error))
            else:
                outbox.file.close()
        with contextlib.suppress(DatabaseUnavailableError):
            self._report_removed()

    def _set_aside(self, outbox: Outbox, error: OSError) -> None:
        """Let a journal that cannot be read be in nobody's way. It stays locked while we live.

        Raises:
            OSError: it is our own, which is tried again.
        """
        if outbox is self._own:
            raise error
        producer = outbox.file.producer
        log.error("journal cannot be read, its clicks wait", producer=producer, error=str(error))
        self._others.remove(outbox)
        self._aside.append(outbox)

    def _remove(self, outbox: Outbox) -> None:
        outbox.file.remove()
        if outbox.receipted:
            self._removed.append(outbox.file.producer)

    def _report_removed(self) -> None:
        if self._removed:
            mark_removed(self._pool, self._removed)
            self._removed.clear()

    def _outbox_of(self, file: JournalFile) -> Outbox:
        receipted = read_receipts(self._pool, [file.producer])[file.producer]
        return Outbox(file, receipted=receipted, sent=receipted)

    def _oldest_is_missing(self, outbox: Outbox) -> bool:
        if not outbox.in_flight:
            return False
        entry_id = outbox.in_flight[0][0]
        return not self._wire.xrange(outbox.stream, min=entry_id, max=entry_id)
