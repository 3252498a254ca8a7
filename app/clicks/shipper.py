"""Moves clicks from journals into the stream, until they are receipted.

The file is the outbox, the stream is the wire, the offset in Postgres is the receipt. What Redis
loses is sent again; what arrives twice is dropped by the worker, by its offset.
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

# A stream this long is not being read; the disk holds the rest. Its chunks are as long as possible,
# about 40 KB compressed: all streams together take 64 MB, or 300 MB if user agents are random.
MAX_STREAM_LENGTH: Final = 200
ROTATE_BYTES: Final = 8 * 1024 * 1024
# Chunks per run of the job: after an outage there may be thousands, and other jobs are due.
CHUNKS_PER_RUN: Final = 16
# How long a process that ends waits for the receipts of its last clicks.
DRAIN_S: Final = 2.0


def rotation_bytes(quota_bytes: int) -> int:
    """The length at which a journal is rotated: several journals must fit in the quota."""
    return min(ROTATE_BYTES, quota_bytes // 4) if quota_bytes else ROTATE_BYTES


class Shipper:
    """Ships this process's journal and those of dead processes on this host.

    Its methods are periodic jobs of one thread. Each may raise redis.RedisError,
    DatabaseUnavailableError or OSError, and can safely be run again.
    """

    def __init__(
        self,
        *,
        directory: Path,
        journal: Journal,
        pool: Pool,
        stream_client: "redis.Redis",
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._pool = pool
        self._stream_client = stream_client
        self._rotate_bytes = rotate_bytes
        self._own = Outbox(journal.file)
        self._others: list[Outbox] = []
        self._unreadable: list[Outbox] = []
        self._unsynced: list[JournalFile] = []  # rotated
        self._removed: list[str] = []  # producers whose removal Postgres does not know yet
        # Clicks of all journals that this process ships, since its start.
        self.shipped = 0  # a resent click counts each time
        self.receipted = 0

    def ship(self) -> None:
        """Add new chunks to the streams that are not too long, oldest journals first.

        Raises:
            redis.ResponseError: Redis refused some chunks; those of other streams are shipped.
        """
        left, refused = CHUNKS_PER_RUN, None
        for outbox in [*self._others, self._own]:
            try:
                left -= self._ship(outbox, left)
            except OSError as error:
                self._set_aside(outbox, error)
            except redis.ResponseError as error:  # such as a stream's key that holds no stream
                refused = error
        if refused is not None:
            raise refused

    def _ship(self, outbox: Outbox, most: int) -> int:
        for number in range(most):
            chunk = outbox.next_chunk()
            if chunk is None or self._stream_client.xlen(outbox.stream) >= MAX_STREAM_LENGTH:
                return number
            entry_id = cast(
                "bytes", self._stream_client.xadd(outbox.stream, chunk_to_fields(chunk))
            )
            outbox.note_sent(entry_id, chunk)
            self.shipped += chunk.lines.count(b"\n")
        return most

    def confirm(self) -> None:
        """Read which chunks are counted, and have lost ones sent again."""
        written = [box for box in [*self._others, self._own] if box.file.size() > 0]
        if not written:
            return
        # The stream before the receipts: the other way round, a chunk that is counted and deleted
        # in between would look lost, and be sent twice.
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
        """Rotate the journal if it is long, and remove journals that are wholly counted.

        Lines held in memory are written into the space that becomes free.
        """
        size = self._own.file.size()
        # A file is removed as a whole: when space is short, even a short file is worth rotating.
        if size >= self._rotate_bytes or (self._journal.held and size > 0):
            old = self._journal.rotate()  # fails on a full disk, and changes nothing then
            self._others.append(self._own)
            self._own = Outbox(self._journal.file)
            self._unsynced.append(old)
        while self._unsynced:
            self._unsynced[0].sync()
            self._unsynced.pop(0)
        for outbox in [outbox for outbox in self._others if outbox.is_done()]:
            self._others.remove(outbox)
            self._remove(outbox)
        held = [*self._others, *self._unreadable]
        self._journal.leave_room(sum(outbox.file.size() for outbox in held))
        with contextlib.suppress(OSError):  # still no space; its own job reports that
            self._journal.flush()
        self._report_removed()

    def adopt(self) -> None:
        """Take over the journals of dead processes, from their receipts on."""
        for file in adopt_orphans(self._directory):
            try:
                self._others.append(self._outbox_of(file))
            except BaseException:
                file.close()
                raise
            log.info("journal adopted", producer=file.producer, bytes=file.size())

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Ship what is left, wait briefly for receipts, and leave the rest to be adopted.

        Close the recorder first: lines written later are not shipped.
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
        """Put an unreadable journal aside. It stays locked while this process lives.

        Raises:
            OSError: it is the journal in use, which is tried again.
        """
        if outbox is self._own:
            raise error
        producer = outbox.file.producer
        log.error("journal cannot be read, its clicks wait", producer=producer, error=str(error))
        self._others.remove(outbox)
        self._unreadable.append(outbox)

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
        try:
            return not self._stream_client.xrange(outbox.stream, min=entry_id, max=entry_id)
        except redis.ResponseError:  # the key holds no stream
            return True
