"""Click journals: files to which each web process appends a line per click.

What must always hold:
1. A line that was written survives SIGKILL of the process: it is in the page cache.
2. Lines never interleave: one write() call per line, on a file opened with O_APPEND.
3. A journal has one owner, who holds its flock. The kernel releases the lock when the owner dies,
   so a journal without a lock belongs to a dead process and may be adopted.
4. A journal appears under its name only when it is locked: it is made under another one.
"""

import errno
import fcntl
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

SUFFIX: Final = ".journal"


@dataclass(frozen=True, slots=True)
class JournalFile:
    """An open journal that this process has locked."""

    path: Path
    fd: int

    @property
    def producer(self) -> str:
        """The journal's name, unique for ever: receipts are kept under it."""
        return self.path.name.removesuffix(SUFFIX)

    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self.fd).st_size

    def read_lines(self, offset: int, limit: int) -> bytes:
        """Whole lines from `offset` on, at most `limit` bytes; empty when none is complete.

        What is longer than `limit` and has no end is no line but damage, such as the zeros that a
        power cut can leave. It is given out as it is, for the worker to skip.
        """
        data = os.pread(self.fd, limit, offset)
        end = data.rfind(b"\n") + 1
        return data if end == 0 and len(data) == limit else data[:end]

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        os.fdatasync(self.fd)

    def remove(self) -> None:
        """Delete the file: every click in it is counted."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Give up the lock; whoever finds the file may adopt it."""
        os.close(self.fd)


def create(directory: Path) -> JournalFile:
    """A new, empty, locked journal.

    Raises:
        OSError: the directory cannot be written to.
    """
    host = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:24] or "host"
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{host}-{secrets.token_hex(6)}"
    hidden, path = directory / f".{name}", directory / f"{name}{SUFFIX}"
    fd = os.open(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    hidden.rename(path)
    return JournalFile(path, fd)


def adopt_orphans(directory: Path) -> Iterator[JournalFile]:
    """Lock and yield the journals of dead processes, repaired, oldest first."""
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            file = _adopt(path)
        except FileNotFoundError:
            continue  # its owner finished and removed it just now
        except OSError as error:  # one that cannot be read is not in the way of the others
            log.warning("journal cannot be adopted", path=str(path), error=str(error))
            continue
        if file is not None:
            yield file


def _adopt(path: Path) -> JournalFile | None:
    """Lock a journal and repair it; None when it has an owner."""
    file = JournalFile(path, os.open(path, os.O_RDWR | os.O_APPEND))
    try:
        fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fd).st_nlink > 0:  # else removed between open and lock
            _cut_torn_line(file)
            return file
    except BlockingIOError:
        pass
    except OSError:
        file.close()
        raise
    file.close()
    return None


def _cut_torn_line(file: JournalFile) -> None:
    """Drop an unfinished last line: the power went while it was written. It was never sent."""
    size = end = file.size()
    while end > 0:
        start = max(0, end - 4096)
        newline = os.pread(file.fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(file.fd, end)


class Journal:
    """The file that this process appends to at present. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        """Make the directory and the first file.

        Raises:
            OSError: the directory cannot be written to.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._lock = threading.Lock()
        self._file = create(directory)
        self._sealed = False

    @property
    def file(self) -> JournalFile:
        """The file in use."""
        return self._file

    def append(self, line: bytes) -> None:
        """Write one line. The lock lasts for one write into the page cache, about a microsecond.

        It is there for `rotate`: a file that was swapped out is never written to again, so it can
        be removed as soon as all of it is counted.

        Raises:
            OSError: the disk is full or broken; the click is not recorded.
        """
        with self._lock:
            if self._sealed:
                raise OSError(errno.ESHUTDOWN, "the journal is closed")
            written = os.write(self._file.fd, line)
            if written < len(line):
                # The shipper reads whole lines only, so nobody has seen this half.
                os.ftruncate(self._file.fd, self._file.size() - written)
                raise OSError(errno.ENOSPC, "the journal's disk is full")

    def seal(self) -> None:
        """Take no more lines: from now on the file in use is as long as it will ever be."""
        with self._lock:
            self._sealed = True

    def rotate(self) -> JournalFile:
        """Go on in a new file; returns the old one, which from now on does not change."""
        fresh = create(self._directory)
        with self._lock:
            old, self._file = self._file, fresh
        return old
