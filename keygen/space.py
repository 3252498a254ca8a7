"""Where an id lies: ids count up without end, codes grow by one character when a length is full.

With a shortest length of 7, ids 0 .. 62**7 - 1 have 7 characters, the next 62**8 ids have 8, and so
on. Which length an id has depends on the id alone, so processes need not agree on the moment of
growth: there is none.
"""

from typing import Final, NamedTuple

from keygen.base62 import BASE, decode, encode

# With a share d of a length's codes taken, so many conflicts in a row have the probability
# d**5: one in 100,000 when a tenth is taken, one in 32 when half is.
ATTEMPTS_PER_LENGTH: Final = 5


class Place(NamedTuple):
    """A code length in characters and an offset in [0, 62**length)."""

    length: int
    offset: int


def place_of(id_: int, shortest: int) -> Place:
    """The length of the code that belongs to an id, and the id's offset among those of that length.

    Raises:
        ValueError: the id is negative.
    """
    if id_ < 0:
        raise ValueError(f"an id is never negative, got {id_}")
    length, offset = shortest, id_
    while offset >= BASE**length:
        offset -= BASE**length
        length += 1
    return Place(length, offset)


def id_at(place: Place, shortest: int) -> int:
    """The inverse of `place_of`.

    Raises:
        ValueError: a length below the shortest, or an offset outside its length.
    """
    if place.length < shortest or not 0 <= place.offset < BASE**place.length:
        raise ValueError(f"{place} is outside the code space that starts at {shortest} characters")
    shorter = sum(int(BASE**length) for length in range(shortest, place.length))
    return place.offset + shorter


def plain_code(id_: int, shortest: int) -> str:
    """The code of an id, unscrambled: codes of one length sort like their ids.

    Raises:
        ValueError: the id is negative.
    """
    if 0 <= id_ < BASE**shortest:  # what place_of would find, in a third of the time
        return encode(id_, shortest)
    length, offset = place_of(id_, shortest)
    return encode(offset, length)


def plain_id(code: str, shortest: int) -> int:
    """The inverse of `plain_code`.

    Raises:
        ValueError: the text is not a plain code.
    """
    return id_at(Place(len(code), decode(code, len(code))), shortest)


def drawn_length(attempt: int, shortest: int) -> int:
    """The length of codes that are drawn rather than counted: repeated conflicts mean "full".

    Args:
        attempt: conflicts that this link has met so far.
        shortest: the length of the first attempts, in characters.
    """
    return shortest + attempt // ATTEMPTS_PER_LENGTH
