"""What waits in the streams: read in order, and deleted once it is counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import redis

from db.clicks.dead_letters import DeadLetter
from db.clicks.wire import Chunk, PoisonedError, chunk_from_fields, place_from_fields

BEGINNING: Final = "0"

Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reading:
    """The first entries of some streams, at most `limit` of each, and the chunks in them.

    Chunks are unpacked whenever somebody asks for them, one at a time: all at once they take
    a hundred megabytes.
    """

    limit: int
    entries: Mapping[str, list[Entry]]  # by stream; of those that had something
    # What was no chunk, by stream and entry: known once the chunks were asked for.
    damaged: dict[tuple[str, bytes], DeadLetter] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.entries.values()))

    def __iter__(self) -> Iterator[Chunk]:
        for stream, found in self.entries.items():
            for entry_id, fields in found:
                try:
                    yield chunk_from_fields(fields)
                except PoisonedError as error:
                    self.damaged[stream, entry_id] = _letter(fields, str(error))

    @property
    def is_full(self) -> bool:
        """Whether there may be more where this came from."""
        return any(len(found) == self.limit for found in self.entries.values())

    @property
    def ends(self) -> dict[str, str]:
        """The last entry read of each stream that had something."""
        return {stream: found[-1][0].decode() for stream, found in self.entries.items()}


def read_streams(
    wire: "redis.Redis", after: Mapping[str, str], limit: int, block_ms: int | None
) -> Reading:
    """Read the next entries.

    Args:
        wire: Redis.
        after: for each stream the entry to begin after, or `BEGINNING`.
        limit: entries of each stream.
        block_ms: how long to wait for the first entry when there is none; None: not at all.
    """
    positions: Any = dict(after)
    read = wire.xread(positions, count=limit, block=block_ms)
    found = cast("list[tuple[bytes, list[Entry]]]", read)
    return Reading(limit, {stream.decode(): entries for stream, entries in found})


def delete_entries(wire: "redis.Redis", reading: Reading) -> None:
    """Take what was read out of the streams."""
    for stream, entries in reading.entries.items():
        wire.xdel(stream, *(entry_id for entry_id, _ in entries))


def _letter(fields: dict[bytes, bytes], reason: str) -> DeadLetter:
    content = fields.get(b"payload") or repr(fields).encode()
    try:
        producer, offset = place_from_fields(fields)
    except PoisonedError:
        return DeadLetter("chunk", reason, content)
    return DeadLetter("chunk", reason, content, producer, offset)
