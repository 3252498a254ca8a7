"""Ranges of ids in plain base62: one round trip for thousands of codes.

Unique without coordination inside a range. Like every plain count it can be guessed: the codes
beside one that works mostly work too.
"""

from keygen.ranges import RangeAllocator
from keygen.space import plain_code


class Ranged:
    """Codes in the order of this process's ids. Thread-safe."""

    def __init__(self, allocator: RangeAllocator, shortest: int = 7) -> None:
        """Codes have `shortest` characters, one more when a length is full."""
        self._allocator = allocator
        self._shortest = shortest

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of the next id; after a conflict, the one after that."""
        return plain_code(self._allocator.next_id(), self._shortest)
