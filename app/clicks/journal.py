"""Click journals: files to which each web process appends a line per click.

What must always hold:
1. A line that was written survives SIGKILL of the process: it is in the page cache.
2. Lines never interleave: one write() call per line, on a file opened with O_APPEND.
3. A whole line that was written stays where it is, until the file is removed.
"""

import contextlib
import errno
import os
import sys
import threading
from pathlib import Path
from typing import Final

from app.clicks.journal_file import JournalFile, create

# Lines that wait in memory while the disk takes none: half a minute of 700 clicks a second.
HELD_BYTES: Final = 4 * 1024 * 1024
# What is written at once of them: an append waits for it.
FLUSH_BYTES: Final = 64 * 1024


class Journal:
    """The file that this process appends to at present, and what the disk does not take now.

    Thread-safe.
    """

    def __init__(self, directory: Path, *, quota_bytes: int = 0) -> None:
        """Make the directory and the first file.

        Args:
            directory: of this host's journals.
            quota_bytes: what the journals that this process has locked may take; 0 for no bound.

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
        self._torn = 0  # bytes of half a line at the end of the file, which could not be taken back
        self._sealed = False
        self.written = 0  # lines, in all files
        self._synced = 0  # of these, those on the disk

    @property
    def file(self) -> JournalFile:
        """The file in use."""
        return self._file

    @property
    def held(self) -> int:
        """Bytes of the lines that wait in memory."""
        return len(self._held)

    def append(self, line: bytes) -> None:
        """Write one line. The lock lasts for one write into the page cache, about a microsecond.

        On a disk that stalls, so do the writers, until the page cache takes their line.

        It is there for `rotate`: a file that was swapped out is never written to again, so it can
        be removed as soon as all of it is counted. When the disk is full or broken the line is
        held in memory, and so are those that follow, until `flush` has written them in order.

        Raises:
            OSError: there is no room in memory either; the click is lost.
        """
        size = len(line)
        with self._lock:
            if not self._held and size <= self._room and not self._sealed:
                try:  # contextlib.suppress would cost a third of the write
                    written = os.write(self._file.fd, line)
                    if written == size:
                        self._room -= size
                        self.written += 1
                        return
                    self._torn = written
                    self._take_back()
                except OSError:
                    pass
            self._hold(line)

    def flush(self) -> None:
        """Write the lines that were held, as far as there is room.

        Raises:
            OSError: there is not enough; the rest is held on.
        """
        while True:
            with self._lock:  # for one block at a time: appends take turns with us
                if not self._held:
                    return
                self._take_back()
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
                self._take_back()
            if whole < len(block):
                raise OSError(errno.ENOSPC, f"the journal's disk is full, {self.held} bytes wait")

    def leave_room(self, others_bytes: int) -> None:
        """Take note of how much of the quota this process's other journals use."""
        if self._quota_bytes:
            with self._lock:
                self._room = self._quota_bytes - others_bytes - self._file.size()

    def seal(self) -> int:
        """Take no more lines: from now on the file in use is as long as it will ever be.

        Returns:
            The number of lines that were held and cannot be written: they are lost.
        """
        with self._lock:
            self._sealed = True
        with contextlib.suppress(OSError):
            self.flush()
        lost = self._held.count(b"\n")
        self._held.clear()
        return lost

    def sync(self) -> None:
        """Put what was written onto the disk: this bounds what a power cut can take.

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
        """Go on in a new file; returns the old one, which from now on does not change.

        Raises:
            OSError: the disk is full or failed; nothing has changed.
        """
        fresh = create(self._directory)
        try:
            with self._lock:
                self._take_back()
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

    def _take_back(self) -> None:
        """Cut off the half of a line that still fitted. The shipper reads whole lines only.

        Raises:
            OSError: the disk failed; what follows is held until this has succeeded.
        """
        if self._torn:
            os.ftruncate(self._file.fd, self._file.size() - self._torn)
            self._torn = 0
