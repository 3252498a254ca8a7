"""The click's wire format: a line in a journal, a chunk of lines in the stream.

This is all that the web process knows of the worker.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

# The Redis streams between web processes and workers. An entry is deleted once it is counted.
PARTITIONS: Final = 8
FORMER_STREAM: Final = "clicks"  # what releases before the partitions used
STREAMS: Final = tuple(f"clicks:{partition}" for partition in range(PARTITIONS))

# Whole lines per chunk, before compression. A longer one would hold up the transaction it is in.
CHUNK_BYTES: Final = 256 * 1024
# Receipts are bigints in Postgres.
LONGEST_JOURNAL: Final = 2**62
LATEST_MS: Final = 253_402_300_800_000  # the year 10000
# No line is longer, so a chunk always holds at least one.
LINE_BYTES: Final = 4096


class Click(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """One answered redirect, as a JSON array: `[1, code, at_ms, referrer, ...]`.

    The leading 1 is the version of the format. There is no address in it, only `visitor`, a hash
    with a secret that changes daily.
    """

    code: str
    at_ms: int  # Unix time in milliseconds
    referrer: str = ""  # host and path, no query; empty when there was none
    user_agent: str = ""
    language: str = ""  # the Accept-Language header
    country: str = ""  # ISO 3166-1 alpha-2; empty when unknown
    visitor: str = ""  # 16 hex digits; empty when unknown


# What redis-py takes as a field or value of a stream entry.
StreamField = bytes | bytearray | memoryview | str | int | float


class PoisonedError(Exception):
    """A line or chunk that can never be understood, however often it is read."""


def stream_of(producer: str) -> str:
    """The stream of all chunks of a journal: the same in every process and release."""
    return STREAMS[zlib.crc32(producer.encode()) % PARTITIONS]


_PRODUCER: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Click)


def encode_click(click: Click) -> bytes:
    """One line, with its end."""
    return _encoder.encode(click) + b"\n"


def decode_click(line: bytes) -> Click:
    """Read one line.

    Raises:
        PoisonedError: it is not a click of a known version.
    """
    try:
        click = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PoisonedError(f"not a click: {error}") from error
    if not click.code.isprintable():
        raise PoisonedError(f"not a code: {click.code!r}")
    if not 0 <= click.at_ms < LATEST_MS:
        raise PoisonedError(f"not a time: {click.at_ms}")
    return click


def decode_clicks(lines: bytes) -> list[Click] | None:
    """Read whole lines at once, faster than one by one.

    Returns:
        One click per line, or None when there is a line that is none; `decode_click` tells why.
    """
    try:
        clicks = _decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if len(clicks) != lines.count(b"\n") or not lines.endswith(b"\n"):
        return None  # an empty line, or one that is two
    times = [click.at_ms for click in clicks]
    sound = min(times) >= 0 and max(times) < LATEST_MS
    codes = "".join([click.code for click in clicks])
    return clicks if sound and codes.isprintable() else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of one journal: bytes [offset, end) of the file `<producer>.journal`."""

    producer: str
    offset: int
    lines: bytes

    @property
    def end(self) -> int:
        """The offset of the first byte after this chunk."""
        return self.offset + len(self.lines)


def chunk_to_fields(chunk: Chunk) -> dict[StreamField, StreamField]:
    """The fields of a stream entry. Level 1: clicks shrink about eightfold, for little time."""
    return {
        "producer": chunk.producer.encode(),
        "offset": str(chunk.offset).encode(),
        "payload": zlib.compress(chunk.lines, level=1),
    }


def chunk_from_fields(fields: Mapping[bytes, bytes]) -> Chunk:
    """Read a stream entry.

    Raises:
        PoisonedError: a field is missing or damaged, or it unpacks to more than a chunk may hold.
    """
    try:
        unpack = zlib.decompressobj()
        lines = unpack.decompress(fields[b"payload"], CHUNK_BYTES + 1)
        if not unpack.eof or len(lines) > CHUNK_BYTES:
            raise PoisonedError("the chunk is cut off or too large")
    except (KeyError, zlib.error) as error:
        raise PoisonedError(f"not a chunk: {error!r}") from error
    producer, offset = place_from_fields(fields)
    return Chunk(producer, offset, lines)


def place_from_fields(fields: Mapping[bytes, bytes]) -> tuple[str, int]:
    """Producer and offset of a stream entry, whatever it holds.

    Raises:
        PoisonedError: one of them is missing or damaged.
    """
    try:
        producer, offset = fields[b"producer"].decode(), int(fields[b"offset"])
    except (KeyError, ValueError) as error:
        raise PoisonedError(f"not a chunk: {error!r}") from error
    if not 0 <= offset <= LONGEST_JOURNAL or not _PRODUCER.fullmatch(producer):
        raise PoisonedError(f"no journal is called {producer!r}, or begins at {offset}")
    return producer, offset
