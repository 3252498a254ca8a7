"""Faults of the click stream: emptied, trimmed, repeated and shuffled.

The worker is frozen first, because it is fast enough to keep the stream mostly empty.
"""

import contextlib
from collections.abc import Iterator
from typing import Final, cast

import redis

from db.clicks.wire import StreamField
from lab.drills.drill import FaultContext
from lab.drills.hop.click_counts import count_chunks, find_streams
from lab.drills.hop.waiting import HopError, wait_until
from lab.processes import frozen

CHUNKS: Final = 8  # in the stream before the fault
FILLED_WITHIN_S: Final = 10.0

_Entry = tuple[bytes, dict[StreamField, StreamField]]


def flush_redis(context: FaultContext) -> None:
    """FLUSHALL: cached links and the stream are gone."""
    with _filled_stream(context) as client:
        context.log(f"FLUSHALL with {count_chunks(client)} chunks in the stream")
        client.flushall()


def trim_stream(context: FaultContext) -> None:
    """XTRIM the oldest chunks, as an operator who needs memory might."""
    with _filled_stream(context) as client:
        trimmed = sum(
            client.xtrim(stream, maxlen=client.xlen(stream) // 3, approximate=False)
            for stream in find_streams(client)
        )
        context.log(f"XTRIM removed {trimmed} chunks")
        if not trimmed:
            raise HopError("XTRIM found nothing to remove")


def shuffle_stream(context: FaultContext) -> None:
    """Add each chunk twice more in random order, then delete the older half of the originals."""
    with _filled_stream(context) as client:
        added = 0
        for stream in find_streams(client):
            entries = cast("list[_Entry]", client.xrange(stream))
            copies = [fields for _, fields in entries] * 2
            context.rng.shuffle(copies)
            for fields in copies:
                client.xadd(stream, fields)
            for entry_id, _ in entries[: len(entries) // 2]:
                client.xdel(stream, entry_id)
            added += len(copies)
        context.log(f"added {added} copies of chunks in random order")
        if not added:
            raise HopError("there was no chunk to repeat")


@contextlib.contextmanager
def _filled_stream(context: FaultContext) -> Iterator["redis.Redis"]:
    """Freeze the worker for the block, which starts when the stream has some chunks."""
    with frozen(context.hop.pid("worker")), context.hop.redis() as client:
        wait_until(lambda: count_chunks(client) >= CHUNKS, "chunks in the stream", FILLED_WITHIN_S)
        yield client
