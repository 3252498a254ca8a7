"""Reads batches of chunks from the Redis streams, and deletes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

import redis
import structlog

from db.clicks.dead_letters import DeadLetter
from db.clicks.wire import Chunk, PoisonedError, chunk_from_fields, place_from_fields

log = structlog.get_logger(__name__)

BEGINNING: Final = "0"

Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries read from the streams: chunks, dead letters for damaged ones, all ids by stream."""

    chunks: list[Chunk]
    damaged: list[DeadLetter]
    entry_ids: dict[bytes, list[bytes]]
    is_full: bool  # a stream reached its limit, so it may contain more

    def __len__(self) -> int:
        return len(self.chunks) + len(self.damaged)


def read_batch(
    stream_client: "redis.Redis", streams: Iterable[str], chunks_per_stream: int, block_ms: int
) -> Batch:
    """Read the oldest entries of streams, in order, without deleting them.

    Args:
        stream_client: Redis, with a socket time-out above `block_ms`.
        streams: Redis keys.
        chunks_per_stream: limit per stream.
        block_ms: how long to wait for the first entry when all are empty; above 0.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    positions: dict[Any, Any] = dict.fromkeys(streams, BEGINNING)
    try:
        read = stream_client.xread(positions, count=chunks_per_stream, block=block_ms)
    except redis.ResponseError:  # one of the keys holds no stream
        read = _read_each(stream_client, positions, chunks_per_stream)
    found = cast("list[tuple[bytes, list[Entry]]]", read)
    batch = Batch([], [], {}, any(len(entries) == chunks_per_stream for _, entries in found))
    for stream, entries in found:
        batch.entry_ids[stream] = [entry_id for entry_id, _ in entries]
        for _, fields in entries:
            try:
                batch.chunks.append(chunk_from_fields(fields))
            except PoisonedError as error:
                batch.damaged.append(_letter(fields, str(error)))
    return batch


def _read_each(stream_client: "redis.Redis", streams: Iterable[str], limit: int) -> list[Any]:
    """Read streams one by one, skipping keys that hold something else."""
    found: list[Any] = []
    for stream in streams:
        try:
            found += cast("list[Any]", stream_client.xread({stream: BEGINNING}, count=limit))
        except redis.ResponseError as error:
            log.error("stream cannot be read", stream=stream, error=str(error))  # noqa: TRY400
    return found


def delete_entries(stream_client: "redis.Redis", batch: Batch) -> None:
    """Delete the entries of a batch from their streams.

    Raises:
        redis.RedisError: some entries may be left; a retry is safe.
    """
    for stream, entry_ids in batch.entry_ids.items():
        stream_client.xdel(stream, *entry_ids)


def _letter(fields: dict[bytes, bytes], reason: str) -> DeadLetter:
    content = fields.get(b"payload") or repr(fields).encode()
    try:
        producer, offset = place_from_fields(fields)
    except PoisonedError:
        return DeadLetter("chunk", reason, content)
    return DeadLetter("chunk", reason, content, producer, offset)
