"""Ranges of ids, shuffled by a keyed permutation: the default.

Unique without coordination, like plain ranges, and without revealing order or volume.
"""

from collections.abc import Callable

from keygen.base62 import decode, encode
from keygen.permutation import Permutation
from keygen.ranges import RangeAllocator
from keygen.space import Place, id_at, place_of


class Permuted:
    """Codes of `shortest` characters, one more when a length is full. Thread-safe."""

    def __init__(
        self, allocator: RangeAllocator, read_key: Callable[[], bytes], shortest: int = 7
    ) -> None:
        """The permutation key is read when the first code is asked for.

        Args:
            allocator: gives ids.
            read_key: gives the permutation key, at least 16 bytes; it may do I/O and may raise.
            shortest: length of the first 62**shortest codes, in characters.
        """
        self._allocator = allocator
        self._read_key = read_key
        self._shortest = shortest
        self._permutations: dict[int, Permutation] = {}

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of the next id; after a conflict, the one after that."""
        place = place_of(self._allocator.next_id(), self._shortest)
        return encode(self._permutation(place.length).forward(place.offset), place.length)

    def id_of(self, code: str) -> int:
        """The id behind a code that this strategy made.

        Raises:
            ValueError: the text cannot be one of its codes.
        """
        offset = self._permutation(len(code)).backward(decode(code, len(code)))
        return id_at(Place(len(code), offset), self._shortest)

    def _permutation(self, length: int) -> Permutation:
        permutation = self._permutations.get(length)
        if permutation is None:
            # Two threads may get here at once; their permutations are equal.
            permutation = self._permutations[length] = Permutation(self._read_key(), length)
        return permutation
