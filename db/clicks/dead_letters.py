"""Dead letters: lines and chunks that cannot be counted, kept for inspection."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from db.connect.pool import Connection, Pool, connection_to

CONTENT_BYTES: Final = 4096
REASON_CHARACTERS: Final = 500
MAX_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A journal line that cannot be counted, or a stream entry that cannot be decoded."""

    kind: Literal["line", "chunk"]
    reason: str
    content: bytes
    producer: str | None = None
    start_offset: int | None = None  # of the line or chunk in its journal, in bytes

    @property
    def kept(self) -> bytes:
        """The stored part of the content: its first `CONTENT_BYTES`."""
        return self.content[:CONTENT_BYTES]

    @property
    def digest(self) -> bytes:
        """SHA-256 of kind, producer, offset and whole content, equal for every redelivery.

        The reason is left out: its wording may change between releases.
        """
        place = f"{self.kind} {self.producer} {self.start_offset} ".encode()
        return sha256(place + self.content).digest()


_INSERT = """
INSERT INTO click_dead_letters (digest, reason, producer, start_offset, content)
SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::bigint[], %s::bytea[])
ON CONFLICT (digest) DO NOTHING RETURNING digest
"""

_FORGET = """
DELETE FROM click_dead_letters
WHERE id <= (SELECT id FROM click_dead_letters ORDER BY id DESC OFFSET %s LIMIT 1)
"""

_COUNT = "UPDATE click_dead_letter_counts SET seen = seen + %s WHERE kind = %s"


def add_dead_letters(connection: Connection, letters: Sequence[DeadLetter], *, lines: int) -> None:
    """Store dead letters and count them; delete all but the newest `MAX_KEPT`.

    Args:
        connection: in the transaction that moves the receipts past the lines.
        letters: to be stored. One that is stored already is skipped, and if it is a chunk, it is
            not counted again: chunks may be delivered more than once.
        lines: number of malformed lines, which may exceed the lines among `letters`. Each counts
            once, because the receipt passes it once.
    """
    by_digest = {letter.digest: letter for letter in letters}
    rows = connection.execute(
        _INSERT,
        (
            list(by_digest),
            [letter.reason.replace("\0", "")[:REASON_CHARACTERS] for letter in by_digest.values()],
            [letter.producer for letter in by_digest.values()],
            [letter.start_offset for letter in by_digest.values()],
            [letter.kept for letter in by_digest.values()],
        ),
    ).fetchall()
    connection.execute(_FORGET, (MAX_KEPT,))
    chunks = sum(by_digest[bytes(digest)].kind == "chunk" for (digest,) in rows)
    for kind, seen in (("chunk", chunks), ("line", lines)):
        if seen:
            connection.execute(_COUNT, (seen, kind))


def count_dead_letters(pool: Pool) -> int:
    """The number of dead letters ever seen, lines and chunks, deleted ones included."""
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT sum(seen)::bigint FROM click_dead_letter_counts"
        ).fetchone()
    return int(row[0]) if row else 0
