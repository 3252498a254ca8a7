"""How far counting lags behind answering."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from app.clicks.journal_file import SUFFIX, JournalFile
from db.clicks.dead_letters import count_dead_letters
from db.clicks.receipts import count_dropped, read_receipts
from db.clicks.wire import LINE_BYTES, STREAMS, PoisonedError, decode_click
from db.connect.pool import Pool

# After an hour without Redis a gigabyte may wait, and lag is asked for every few seconds.
COUNT_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits on this host and in the streams, and what went wrong anywhere."""

    clicks: int  # in this host's journals, not counted yet; see is_estimate
    bytes: int  # of these
    oldest_age_s: float  # of these; 0 when there are none
    stream_length: int  # chunks, of all hosts
    dead_letters: int  # lines and chunks, ever
    dropped: int  # clicks, ever, of the processes of all hosts that dropped some in the last days
    is_estimate: bool = False  # of clicks: more bytes wait than were read
    unreadable: int = 0  # journals of this host; nobody knows what waits in them


def read_lag(directory: Path, pool: Pool, wire: "redis.Redis") -> Lag:
    """Look at this host's journals, the streams and the receipts; any process may.

    Of what waits, the lines in the first `COUNT_BYTES` are counted; others are taken to be as long.

    Raises:
        DatabaseUnavailableError: without receipts nobody knows what waits.
        redis.RedisError: the streams cannot be asked.
        OSError: the directory cannot be read.
    """
    lines, read_bytes, waiting_bytes, oldest_ms = 0, 0, 0, None
    with _open_journals(directory) as (files, closed):
        unreadable = closed
        ends = {file: file.size() for file in files}  # before the receipts, which only grow
        receipts = read_receipts(pool, [file.producer for file in files])
        for file, end in ends.items():
            start = receipts[file.producer]
            if start < end:
                stop = min(end, start + COUNT_BYTES - read_bytes)
                try:
                    found = file.count_lines(start, stop)
                    at_ms = _time_of_line(file, start)
                except OSError:  # the disk failed
                    unreadable += 1
                    continue
                lines += found
                read_bytes += stop - start
                waiting_bytes += end - start
                oldest_ms = min(oldest_ms or at_ms, at_ms) if at_ms else oldest_ms
    return Lag(
        clicks=round(lines * waiting_bytes / read_bytes) if read_bytes else 0,
        bytes=waiting_bytes,
        oldest_age_s=max(0.0, time.time() - oldest_ms / 1000) if oldest_ms else 0.0,
        stream_length=sum(wire.xlen(stream) for stream in STREAMS),
        dead_letters=count_dead_letters(pool),
        dropped=count_dropped(pool),
        is_estimate=read_bytes < waiting_bytes,
        unreadable=unreadable,
    )


@contextmanager
def _open_journals(directory: Path) -> Iterator[tuple[list[JournalFile], int]]:
    """All journals, whoever owns them, without a lock; and how many cannot be opened."""
    files, closed = [], 0
    try:
        for path in directory.glob(f"*{SUFFIX}"):
            try:
                files.append(JournalFile(path, os.open(path, os.O_RDONLY)))
            except FileNotFoundError:
                continue  # removed just now, since all of it is counted
            except OSError:
                closed += 1
        yield files, closed
    finally:
        for file in files:
            file.close()


def _time_of_line(file: JournalFile, offset: int) -> int | None:
    """When the click at an offset happened, in milliseconds; None when it cannot be read."""
    line, _, _ = os.pread(file.fd, LINE_BYTES, offset).partition(b"\n")
    try:
        return decode_click(line).at_ms
    except PoisonedError:
        return None
