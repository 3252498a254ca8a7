"""Click journals: files to which each web process appends a line per click.

Invariants:
1. A written line survives SIGKILL of the process: it is in the page cache.
2. Lines never interleave: one write() call per line, on a file opened with O_APPEND.
3. A whole line stays where it is until its file is removed.
"""

import contextlib
import errno
import os
import sys
import threading
from pathlib import Path
from typing import Final

from app.clicks.journal_file import JournalFile, create

# Lines held in memory while the disk takes none: half a minute at 700 clicks a second.
HELD_BYTES: Final = 4 * 1024 * 1024
# Written in one go when the disk is back; an append waits that long.
FLUSH_BYTES: Final = 64 * 1024


class Journal:
    """The journal file in use, and the lines that the disk does not take now. Thread-safe."""

    def __init__(self, directory: Path, *, quota_bytes: int = 0) -> None:
        """Create the directory and the first file.

        Args:
            directory: of this host's journals.
            quota_bytes: upper bound of all journals that this process has locked; 0 for none.

        Raises:
            OSError: the directory cannot be written to.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._lock = threading.Lock()
        self._file = create(directory)
        self._quota_bytes = quota_bytes
        self._room = quota_bytes or sys.maxsize
        self._held = bytearray()
        self._torn = 0  # bytes of a partial line at the end of the file, still to be cut off
        self._sealed = False
        self.written = 0  # lines, in all files
        self._synced = 0  # of these, those on the disk

    @property
    def file(self) -> JournalFile:
        """The file in use."""
        return self._file

    @property
    def held(self) -> int:
        """Bytes of the lines held in memory."""
        return len(self._held)

    def append(self, line: bytes) -> None:
        """Write one line: one write into the page cache, about a microsecond.

        If the disk is full or broken, this line and those that follow are held in memory until
        `flush` has written them in order. If the disk stalls, so does the caller.

        The lock is for `rotate`: a rotated file is never written to again, so it can be removed as
        soon as all of it is counted.

        Raises:
            OSError: there is no room in memory either; the click is lost.
        """
        size = len(line)
        with self._lock:
            if not self._held and size <= self._room and not self._sealed:
                try:  # contextlib.suppress would take a third as long as the write
                    written = os.write(self._file.fd, line)
                    if written == size:
                        self._room -= size
                        self.written += 1
                        return
                    self._torn = written
                    self._cut_torn()
                except OSError:
                    pass
            self._hold(line)

    def flush(self) -> None:
        """Write the lines held in memory, as far as there is room.

        Raises:
            OSError: there is not enough room; the rest stays in memory.
        """
        while True:
            with self._lock:  # for one block at a time, so that appends get their turn
                if not self._held:
                    return
                self._cut_torn()
                most = max(0, min(FLUSH_BYTES, self._room))
                block = self._held[: self._held.rfind(b"\n", 0, most) + 1]
                if not block:
                    raise OSError(errno.EDQUOT, f"the quota is used up, {self.held} bytes wait")
                written = os.write(self._file.fd, block)
                whole = block.rfind(b"\n", 0, written) + 1
                del self._held[:whole]
                self._room -= whole
                self.written += block.count(b"\n", 0, whole)
                self._torn = written - whole
                self._cut_torn()
            if whole < len(block):
                raise OSError(errno.ENOSPC, f"the journal's disk is full, {self.held} bytes wait")

    def leave_room(self, others_bytes: int) -> None:
        """Deduct from the quota what this process's other journals use."""
        if self._quota_bytes:
            with self._lock:
                self._room = self._quota_bytes - others_bytes - self._file.size()

    def seal(self) -> int:
        """Take no more lines: the file in use no longer grows.

        Returns:
            The number of held lines that could not be written and are lost.
        """
        with self._lock:
            self._sealed = True
        with contextlib.suppress(OSError):
            self.flush()
        lost = self._held.count(b"\n")
        self._held.clear()
        return lost

    def sync(self) -> None:
        """Put what was written on the disk: this bounds what a power cut can take.

        Raises:
            OSError: the disk failed.
        """
        with self._lock:
            written = self.written
            if written == self._synced:
                return
            fd = os.dup(self._file.fd)  # the file may be rotated and removed meanwhile
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
        self._synced = written

    def rotate(self) -> JournalFile:
        """Go on in a new file. Returns the old one, which no longer changes.

        Raises:
            OSError: the disk is full or failed; nothing has changed.
        """
        fresh = create(self._directory)
        try:
            with self._lock:
                self._cut_torn()
                old, self._file = self._file, fresh
        except OSError:
            fresh.remove()
            raise
        return old

    def _hold(self, line: bytes) -> None:
        if self._sealed:
            raise OSError(errno.ESHUTDOWN, "the journal is closed")
        if len(self._held) + len(line) > HELD_BYTES:
            raise OSError(errno.ENOSPC, "the journal cannot be written, and memory is full")
        self._held += line

    def _cut_torn(self) -> None:
        """Cut off a partial line. The shipper reads whole lines only.

        Raises:
            OSError: the disk failed; lines are held in memory until this succeeds.
        """
        if self._torn:
            os.ftruncate(self._file.fd, self._file.size() - self._torn)
            self._torn = 0
