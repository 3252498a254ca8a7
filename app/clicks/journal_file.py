"""The files of click journals: who owns one, and what happens to it when its owner dies.

Invariants:
1. A journal has one owner, which holds its flock. The kernel releases the lock when the owner dies,
   so a journal without a lock belongs to a dead process and may be adopted.
2. A journal gets its name only when it is locked: it is created under a hidden one.
"""

import errno
import fcntl
import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from db.clicks.wire import PRODUCER

log = structlog.get_logger(__name__)

SUFFIX: Final = ".journal"
READ_BYTES: Final = 1024 * 1024


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
        """Whole lines from `offset` on, at most `limit` bytes; empty if no line is complete.

        `limit` bytes without a line end are damage, such as the zeros that a power cut can leave.
        They are returned as they are, for the worker to skip.
        """
        data = os.pread(self.fd, limit, offset)
        end = data.rfind(b"\n") + 1
        return data if end == 0 and len(data) == limit else data[:end]

    def count_lines(self, start: int, stop: int) -> int:
        """The number of lines that end between two offsets."""
        return sum(
            os.pread(self.fd, min(READ_BYTES, stop - offset), offset).count(b"\n")
            for offset in range(start, stop, READ_BYTES)
        )

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        os.fdatasync(self.fd)

    def remove(self) -> None:
        """Delete the file, because every click in it is counted. A power cut does not undo it.

        Raises:
            OSError: the disk failed, and the file may come back.
        """
        try:
            self.path.unlink(missing_ok=True)
            _sync_directory(self.path.parent)
        finally:
            self.close()

    def close(self) -> None:
        """Give up the lock; another process may adopt the file."""
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
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(path)
        _sync_directory(directory)  # else a power cut could take the name, and all lines with it
    except OSError:
        os.close(fd)
        hidden.unlink(missing_ok=True)
        raise
    return JournalFile(path, fd)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_journal(path: Path, flags: int) -> JournalFile:
    """Open a journal without its lock; follows no link, waits for no pipe.

    Raises:
        OSError: it cannot be opened, or its name or its type is not that of a journal.
    """
    if not PRODUCER.fullmatch(path.name.removesuffix(SUFFIX)):
        raise OSError(errno.EINVAL, "not the name of a journal")
    file = JournalFile(path, os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK))
    if not stat.S_ISREG(os.fstat(file.fd).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def adopt_orphans(directory: Path) -> Iterator[JournalFile]:
    """Lock and yield the journals of dead processes, repaired, oldest first."""
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            file = _adopt(path)
        except FileNotFoundError:
            continue  # its owner has just removed it
        except OSError as error:  # an unreadable journal must not block the others
            log.warning(
                "journal cannot be adopted", path=ascii(str(path)), error=str(error.strerror)
            )
            continue
        if file is not None:
            yield file


def _adopt(path: Path) -> JournalFile | None:
    """Lock a journal and repair it; None if it has an owner."""
    file = open_journal(path, os.O_RDWR | os.O_APPEND)
    try:
        fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fd).st_nlink > 0:  # else removed between open and lock
            _cut_torn_line(file)
            file.sync()  # its owner may have died before it could
            return file
    except BlockingIOError:
        pass
    except OSError:
        file.close()
        raise
    file.close()
    return None


def _cut_torn_line(file: JournalFile) -> None:
    """Cut off an unfinished last line, left by a power cut. It was never sent."""
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
