"""The click's wire format: a line in a journal, a chunk of lines in the stream.

This is all that the web process knows of the worker.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

# The Redis streams between web processes and workers. An entry is deleted once it is counted.
PARTITIONS: Final = 8
STREAMS: Final = tuple(f"clicks:{partition}" for partition in range(PARTITIONS))

# Whole lines per chunk, before compression. A longer one would hold up the transaction it is in.
CHUNK_BYTES: Final = 256 * 1024
# Receipts are bigints in Postgres.
LONGEST_JOURNAL: Final = 2**62
LATEST_MS: Final = 253_402_300_800_000  # the year 10000
# No line is longer, so a chunk always holds at least one.
LINE_BYTES: Final = 4096


class Click(NamedTuple):
    """One answered redirect. The fields of a line, in this order, after the format's version.

    There is no address in it, only `visitor`, a hash with a secret that changes daily.
    """

    domain: str  # empty: the default domain
    code: str
    at_ms: int  # Unix time in milliseconds
    referrer: str  # host and path, no query; empty when there was none
    language: str  # the Accept-Language header
    country: str  # ISO 3166-1 alpha-2; empty when unknown
    visitor: str  # 16 hex digits; empty when unknown
    user_agent: str  # the last field: it may hold tabs


# A line, without its end, for Python's `re` and for the `regex` crate: nine fields, separated by
# tabs. A code has no control characters, since Postgres accepts no NUL.
LINE_PATTERN: Final = (
    "^2\t[^\t\n]*\t[^\\x00-\\x20\\x7f]+\t[0-9]{1,15}"
    "\t[^\t\n]*\t[^\t\n]*\t[^\t\n]*\t[^\t\n]*\t[^\n]*$"
)
_line = re.compile(LINE_PATTERN)


# What redis-py takes as a field or value of a stream entry.
StreamField = bytes | bytearray | memoryview | str | int | float


class PoisonedError(Exception):
    """A line or chunk that can never be understood, however often it is read."""


def stream_of(producer: str) -> str:
    """The stream of all chunks of a journal: the same in every process and release."""
    return STREAMS[zlib.crc32(producer.encode()) % PARTITIONS]


_PRODUCER: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


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
    """One line, with its end. Every redirect calls this.

    Separators in the headers become spaces. All other fields are made by hop and hold none.

    Raises:
        UnicodeEncodeError: a field holds a lone surrogate.
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
    """Read one line, with or without its end.

    Raises:
        PoisonedError: it is not a click of a known version.
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
