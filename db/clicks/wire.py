"""The click's wire format: a line in a journal, a chunk of lines in the stream.

It is the only interface between web processes and analytics workers.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

# Redis streams from web processes to workers. A worker deletes an entry once it is counted.
PARTITIONS: Final = 8
STREAMS: Final = tuple(f"clicks:{partition}" for partition in range(PARTITIONS))

# Maximum size of a chunk before compression; it bounds the transaction that counts the chunk.
CHUNK_BYTES: Final = 256 * 1024
# Receipts are bigints in Postgres.
MAX_JOURNAL_BYTES: Final = 2**62
LATEST_MS: Final = 253_402_300_800_000  # the year 10000, exclusive
# Maximum size of a line. It is below CHUNK_BYTES, so a chunk fits at least one line.
LINE_BYTES: Final = 4096


class Click(NamedTuple):
    """One redirect: the fields of a line, in order, without the leading format version.

    It contains no IP address; `visitor` is a hash keyed with a secret that changes daily.
    """

    domain: str  # empty: the default domain
    code: str
    at_ms: int  # Unix time in milliseconds
    referrer: str  # host and path without query; empty when there is none
    language: str  # the Accept-Language header
    country: str  # ISO 3166-1 alpha-2; empty when unknown
    visitor: str  # 16 hex digits; empty when unknown
    user_agent: str  # last, because it may contain tabs


# A line without its line end: nine fields separated by tabs. Valid for both Python's `re` and the
# `regex` crate (polars). No control characters in a code, since Postgres rejects NUL.
LINE_PATTERN: Final = (
    "^2\t[^\t\n]*\t[^\\x00-\\x20\\x7f]+\t[0-9]{1,15}"
    "\t[^\t\n]*\t[^\t\n]*\t[^\t\n]*\t[^\t\n]*\t[^\n]*$"
)
_line = re.compile(LINE_PATTERN)


# The types that redis-py accepts as a field or value of a stream entry.
StreamField = bytes | bytearray | memoryview | str | int | float


class PoisonedError(Exception):
    """A line or chunk is malformed; reading it again fails in the same way."""


def stream_of(producer: str) -> str:
    """The stream for all chunks of a journal: the same in every process and release."""
    return STREAMS[zlib.crc32(producer.encode()) % PARTITIONS]


# The name of a journal, and of the process that wrote it.
PRODUCER: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


def encode_click(
    code: str,
    at_ms: int,
    *,
    referrer: str = "",
    user_agent: str = "",
    language: str = "",
    country: str = "",
    visitor: str = "",
    domain: str = "",
) -> bytes:
    """Encode a click as one line with its line end. On the path of every redirect, so keep it fast.

    Fields are those of `Click`. Where a tab or line feed in `language` or `user_agent` would end a
    field, it becomes a space. The other fields come from hop and must not contain any.

    Raises:
        UnicodeEncodeError: a field contains a lone surrogate.
    """
    if "\t" in language or "\n" in language or "\n" in user_agent:
        referrer, language, user_agent = map(_one_line, (referrer, language, user_agent))
    return (
        f"2\t{domain}\t{code}\t{at_ms}\t{referrer}\t{language}\t{country}\t{visitor}"
        f"\t{user_agent}\n"
    ).encode()


def _one_line(header: str) -> str:
    return header.replace("\t", " ").replace("\n", " ")


def decode_click(line: bytes) -> Click:
    """Decode one line, with or without its line end.

    Raises:
        PoisonedError: the line is not UTF-8, does not match `LINE_PATTERN`, or its time is not
            below `LATEST_MS`.
    """
    try:
        text = line.removesuffix(b"\n").removesuffix(b"\r").decode()  # as polars reads lines
    except UnicodeDecodeError as error:
        raise PoisonedError(f"not a click: {error}") from error
    if not _line.fullmatch(text):
        raise PoisonedError("not a click of a known version")
    _, domain, code, at_ms, *headers = text.split("\t", 8)
    if int(at_ms) >= LATEST_MS:
        raise PoisonedError(f"not a time: {at_ms}")
    return Click(domain, code, int(at_ms), *headers)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a journal: the bytes [offset, end) of the file `<producer>.journal`."""

    producer: str
    offset: int
    lines: bytes

    @property
    def end(self) -> int:
        """The offset of the first byte after this chunk."""
        return self.offset + len(self.lines)


def chunk_to_fields(chunk: Chunk) -> dict[StreamField, StreamField]:
    """Encode a chunk as the fields of a stream entry, with the lines compressed by zlib."""
    return {
        "producer": chunk.producer.encode(),
        "offset": str(chunk.offset).encode(),
        "payload": zlib.compress(chunk.lines, level=1),  # about eightfold, at little cost
    }


def chunk_from_fields(fields: Mapping[bytes, bytes]) -> Chunk:
    """Decode a stream entry.

    Raises:
        PoisonedError: a field is missing or damaged, or the lines exceed `CHUNK_BYTES`.
    """
    try:
        decompressor = zlib.decompressobj()
        lines = decompressor.decompress(fields[b"payload"], CHUNK_BYTES + 1)
        if not decompressor.eof or len(lines) > CHUNK_BYTES:
            raise PoisonedError("the chunk is cut off or too large")
    except (KeyError, zlib.error) as error:
        raise PoisonedError(f"not a chunk: {error!r}") from error
    producer, offset = place_from_fields(fields)
    return Chunk(producer, offset, lines)


def place_from_fields(fields: Mapping[bytes, bytes]) -> tuple[str, int]:
    """Decode only producer and offset of a stream entry; the payload may be damaged.

    Raises:
        PoisonedError: one of them is missing, damaged or out of range.
    """
    try:
        producer, offset = fields[b"producer"].decode(), int(fields[b"offset"])
    except (KeyError, ValueError) as error:
        raise PoisonedError(f"not a chunk: {error!r}") from error
    if not 0 <= offset <= MAX_JOURNAL_BYTES or not PRODUCER.fullmatch(producer):
        raise PoisonedError(f"invalid producer {producer!r} or offset {offset}")
    return producer, offset
