"""Measures the lag between redirects and their counts."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from app.clicks.journal_file import SUFFIX, JournalFile, open_journal
from db.clicks.dead_letters import count_dead_letters
from db.clicks.receipts import count_dropped, read_receipts
from db.clicks.wire import LINE_BYTES, STREAMS, PoisonedError, decode_click
from db.connect.pool import Pool

# Bytes read per measurement. A gigabyte may wait after an hour without Redis, and metrics are
# scraped every few seconds.
COUNT_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lag:
    """Uncounted clicks of this host, and streams, dead letters and drops of all hosts."""

    clicks: int  # in this host's journals, not counted yet; see is_estimate
    bytes: int  # size of these clicks
    oldest_age_s: float  # age of the oldest of these clicks; 0 without any
    stream_length: int  # chunks in all streams
    dead_letters: int  # lines and chunks, ever
    dropped: int  # total clicks of the processes that reported drops in the last days
    is_estimate: bool = False  # clicks is extrapolated: not all waiting bytes were read
    unreadable: int = 0  # journals of this host that cannot be read; not part of clicks


def read_lag(directory: Path, pool: Pool, stream_client: "redis.Redis") -> Lag:
    """Measure the lag of this host. Takes no locks, so any process may call it at any time.

    It counts the lines in the first `COUNT_BYTES` of waiting bytes, and extrapolates beyond them.

    Args:
        directory: the journals of this host.
        pool: the database.
        stream_client: the Redis with the streams.

    Raises:
        DatabaseUnavailableError: receipts cannot be read.
        redis.RedisError: the streams cannot be read.
        OSError: the directory cannot be read.
    """
    lines, read_bytes, waiting_bytes, oldest_ms = 0, 0, 0, None
    with _open_journals(directory) as (files, unopened):
        unreadable = unopened
        # Sizes first: receipts only grow, so the lag is never overstated.
        ends = {file: file.size() for file in files}
        receipts = read_receipts(pool, [file.producer for file in files])
        for file, end in ends.items():
            start = receipts[file.producer]
            if start < end:
                stop = min(end, start + COUNT_BYTES - read_bytes)
                try:
                    read_lines = file.count_lines(start, stop)
                    at_ms = _time_of_line(file, start)
                except OSError:  # a disk error
                    unreadable += 1
                    continue
                lines += read_lines
                read_bytes += stop - start
                waiting_bytes += end - start
                oldest_ms = min(oldest_ms or at_ms, at_ms) if at_ms else oldest_ms
    return Lag(
        clicks=round(lines * waiting_bytes / read_bytes) if read_bytes else 0,
        bytes=waiting_bytes,
        oldest_age_s=max(0.0, time.time() - oldest_ms / 1000) if oldest_ms else 0.0,
        stream_length=_count_chunks(stream_client),
        dead_letters=count_dead_letters(pool),
        dropped=count_dropped(pool),
        is_estimate=read_bytes < waiting_bytes,
        unreadable=unreadable,
    )


def _count_chunks(stream_client: "redis.Redis") -> int:
    chunks = 0
    for stream in STREAMS:
        with suppress(redis.ResponseError):  # its key holds something else
            chunks += stream_client.xlen(stream)
    return chunks


@contextmanager
def _open_journals(directory: Path) -> Iterator[tuple[list[JournalFile], int]]:
    """Open all journals for reading, without locks; also yield how many cannot be opened."""
    files, unopened = [], 0
    try:
        for path in directory.glob(f"*{SUFFIX}"):
            try:
                files.append(open_journal(path, os.O_RDONLY))
            except FileNotFoundError:
                continue  # it is counted, and was removed a moment ago
            except OSError:
                unopened += 1
        yield files, unopened
    finally:
        for file in files:
            file.close()


def _time_of_line(file: JournalFile, offset: int) -> int | None:
    """Unix time in milliseconds of the click at an offset; None if the line is malformed."""
    line, _, _ = os.pread(file.fd, LINE_BYTES, offset).partition(b"\n")
    try:
        return decode_click(line).at_ms
    except PoisonedError:
        return None
