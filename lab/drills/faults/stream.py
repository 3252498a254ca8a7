"""Damage to the stream between web and worker: emptied, trimmed, repeated and shuffled.

The worker is frozen first, since it is so quick that the stream is mostly empty.
"""

import contextlib
from collections.abc import Iterator
from typing import Final, cast

import redis

from db.clicks.wire import StreamField
from lab.drills.drill import Stage, frozen
from lab.drills.hop.click_counts import count_chunks, streams
from lab.drills.hop.running_hop import HopError, wait_until

CHUNKS: Final = 8  # to wait for, before they are damaged
FILLED_WITHIN_S: Final = 10.0

_Entry = tuple[bytes, dict[StreamField, StreamField]]


def flush_redis(stage: Stage) -> None:
    """FLUSHALL: links and clicks on their way are gone."""
    with _chunks_waiting(stage) as client:
        stage.tell(f"FLUSHALL, with {count_chunks(client)} chunks in the stream")
        client.flushall()


def trim_stream(stage: Stage) -> None:
    """XTRIM, as by an operator who wants memory back: the oldest chunks are gone."""
    with _chunks_waiting(stage) as client:
        trimmed = sum(
            client.xtrim(stream, maxlen=client.xlen(stream) // 3, approximate=False)
            for stream in streams(client)
        )
        stage.tell(f"XTRIM has removed {trimmed} chunks")
        if not trimmed:
            raise HopError("XTRIM found nothing to remove")


def shuffle_stream(stage: Stage) -> None:
    """Each chunk is added twice more, in random order; then the oldest ones are taken away."""
    with _chunks_waiting(stage) as client:
        added = 0
        for stream in streams(client):
            entries = cast("list[_Entry]", client.xrange(stream))
            again = [fields for _, fields in entries] * 2
            stage.chance.shuffle(again)
            for fields in again:
                client.xadd(stream, fields)
            for entry_id, _ in entries[: len(entries) // 2]:  # their copies come out of order
                client.xdel(stream, entry_id)
            added += len(again)
        stage.tell(f"{added} chunks were repeated in random order")
        if not added:
            raise HopError("there was no chunk to repeat")


@contextlib.contextmanager
def _chunks_waiting(stage: Stage) -> Iterator["redis.Redis"]:
    """Freeze the worker until the block ends, in which several chunks are in the stream."""
    with frozen(stage.hop.pid("worker")), stage.hop.redis() as client:
        wait_until(
            lambda: count_chunks(client) >= CHUNKS,
            "chunks in the stream",
            FILLED_WITHIN_S,
        )
        yield client
