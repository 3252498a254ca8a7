"""What could never be counted, kept for people to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from db.connect.pool import Connection, Pool, connection_to

CONTENT_BYTES: Final = 4096
REASON_CHARACTERS: Final = 500
MOST_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line of a journal, or an entry of the stream, that nobody can understand."""

    kind: Literal["line", "chunk"]
    reason: str
    content: bytes
    producer: str | None = None
    start_offset: int | None = None

    @property
    def kept(self) -> bytes:
        """As much of the content as is stored."""
        return self.content[:CONTENT_BYTES]

    @property
    def digest(self) -> bytes:
        """The same for the same letter, however often it is delivered.

        Of kind, place and the whole content, not only of what is kept; not of the reason.
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
    """Keep letters that are not kept yet, and count them.

    Args:
        connection: in the transaction that moves the receipts past the lines.
        letters: as many as are to be kept.
        lines: how many lines there were; that may be more than are among the letters. A line is
            passed once, by its receipt. A chunk may be delivered again and is counted once.
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
    connection.execute(_FORGET, (MOST_KEPT,))
    chunks = sum(by_digest[bytes(digest)].kind == "chunk" for (digest,) in rows)
    for kind, seen in (("chunk", chunks), ("line", lines)):
        if seen:
            connection.execute(_COUNT, (seen, kind))


def count_dead_letters(pool: Pool) -> int:
    """How many lines and chunks there ever were."""
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT sum(seen)::bigint FROM click_dead_letter_counts"
        ).fetchone()
    return int(row[0]) if row else 0
