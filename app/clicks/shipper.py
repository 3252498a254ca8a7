"""The thread that moves clicks from journals into the stream, until they are receipted.

The file is the outbox, the stream is the wire, the offset in Postgres is the receipt: whatever
Redis forgets is sent again, and whatever arrives twice is dropped by the worker, by its offset.
"""

import contextlib
import random
import threading
import time
from pathlib import Path
from typing import Final, cast

import redis
import structlog

from analytics_worker.events import STREAM, chunk_to_fields
from app.clicks.journal import Journal, JournalFile, adopt_orphans
from app.clicks.outbox import Outbox
from app.clicks.recorder import ClickRecorder, today
from db.clicks import read_receipts
from db.errors import DatabaseUnavailableError
from db.pool import Pool
from db.visitor_keys import take_visitor_key

log = structlog.get_logger(__name__)

SHIP_EVERY_S: Final = 0.1
CONFIRM_EVERY_S: Final = 1.0
ADOPT_EVERY_S: Final = 2.0
LONGEST_PAUSE_S: Final = 5.0
# A stream this long means that nobody reads it; the disk holds the rest.
LONGEST_STREAM: Final = 1_000
ROTATE_BYTES: Final = 8 * 1024 * 1024


class Shipper:
    """Ships this process's journal and those of dead processes on this host."""

    def __init__(
        self,
        *,
        directory: Path,
        journal: Journal,
        recorder: ClickRecorder,
        pool: Pool,
        wire: "redis.Redis",
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._recorder = recorder
        self._pool = pool
        self._wire = wire
        self._rotate_bytes = rotate_bytes
        self._own = Outbox(journal.file)
        self._others: list[Outbox] = []
        self._synced = 0
        self._due_confirm = self._due_adopt = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="click-shipper", daemon=True)

    def start(self) -> None:
        """Start the thread. After fork, never before."""
        self._thread.start()

    def close(self, drain_s: float = 2.0) -> None:
        """Ship what is left, wait shortly for receipts, and leave the rest to be adopted."""
        self._stopping.set()
        self._thread.join()
        deadline = time.monotonic() + drain_s
        with contextlib.suppress(redis.RedisError, DatabaseUnavailableError):
            self.ship()
            self.confirm()
            while not self._own.is_done() and time.monotonic() < deadline:
                time.sleep(0.05)
                self.ship()
                self.confirm()
        for outbox in [self._own, *self._others]:
            outbox.file.remove() if outbox.is_done() else outbox.file.close()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self.tick()
                failures = 0
            except (redis.RedisError, DatabaseUnavailableError, OSError) as error:
                failures += 1
                log.warning("clicks wait in the journal", error=str(error), failures=failures)
            except Exception:
                failures += 1
                log.exception("the click shipper met an error that it does not know")
            longest = min(SHIP_EVERY_S * 2**failures, LONGEST_PAUSE_S) if failures else SHIP_EVERY_S
            self._stopping.wait(random.uniform(longest / 2, longest) if failures else longest)  # noqa: S311

    def tick(self) -> None:
        """Do what is due.

        Raises:
            redis.RedisError, DatabaseUnavailableError, OSError: it is done again at the next tick.
        """
        now = time.monotonic()
        if now >= self._due_confirm:
            self._due_confirm = now + CONFIRM_EVERY_S
            self._sync()
            self._renew_visitor_key()
            self.confirm()
        if now >= self._due_adopt:
            self._due_adopt = now + ADOPT_EVERY_S
            self.adopt()
        self.ship()

    def ship(self) -> None:
        """Add what is new to the stream, oldest journals first, while the stream is short."""
        for outbox in [*self._others, self._own]:
            while chunk := outbox.next_chunk():
                if self._wire.xlen(STREAM) >= LONGEST_STREAM:
                    return
                entry_id = cast("bytes", self._wire.xadd(STREAM, chunk_to_fields(chunk)))
                outbox.note_sent(entry_id, chunk)

    def confirm(self) -> None:
        """Look which chunks are counted, send lost ones again, remove finished journals."""
        outboxes = [self._own, *self._others]
        waiting = [outbox for outbox in outboxes if outbox.receipted < outbox.file.size()]
        if waiting:
            # First the stream, then the receipts: the other way round, a chunk that is counted
            # and deleted in between would look lost. (It would only be sent twice.)
            missing = [self._oldest_is_missing(outbox) for outbox in waiting]
            receipts = read_receipts(self._pool, [outbox.file.producer for outbox in waiting])
            for outbox, oldest_missing in zip(waiting, missing, strict=True):
                outbox.note_receipt(receipts[outbox.file.producer], oldest_missing=oldest_missing)
        if self._own.file.size() >= self._rotate_bytes:
            self._others.append(self._own)
            self._sync()
            self._journal.rotate()
            self._own, self._synced = Outbox(self._journal.file), 0
        for outbox in [outbox for outbox in self._others if outbox.is_done()]:
            self._others.remove(outbox)
            outbox.file.remove()

    def adopt(self) -> None:
        """Take over the journals of dead processes, from where their receipts stand."""
        for file in adopt_orphans(self._directory):
            try:
                outbox = self._outbox_of(file)
            except DatabaseUnavailableError:
                file.close()
                raise
            log.info("journal adopted", producer=file.producer, bytes=file.size())
            self._others.append(outbox)

    def _outbox_of(self, file: JournalFile) -> Outbox:
        receipted = read_receipts(self._pool, [file.producer])[file.producer]
        return Outbox(file, receipted=receipted, sent=receipted)

    def _oldest_is_missing(self, outbox: Outbox) -> bool:
        if not outbox.in_flight:
            return False
        entry_id = outbox.in_flight[0][0]
        return not self._wire.xrange(STREAM, min=entry_id, max=entry_id)

    def _sync(self) -> None:
        size = self._own.file.size()
        if size > self._synced:
            self._own.file.sync()
            self._synced = size

    def _renew_visitor_key(self) -> None:
        day = today()
        if self._recorder.visitor_key_day != day:
            self._recorder.use_visitor_key(day, take_visitor_key(self._pool, day))
