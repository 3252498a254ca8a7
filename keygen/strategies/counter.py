"""One counter for everybody: each code is the next number.

Unique, dense, and the database is asked for every code. Anyone who sees two codes knows how many
links were made in between, and can guess all the others.
"""

from typing import Protocol

from keygen.space import plain_code


class Counter(Protocol):
    """What this strategy needs from a database."""

    def next_value(self) -> int:
        """A number from 0 that nobody else has or will get, mostly one more than the last."""
        ...


class Counted:
    """Codes in the order of a counter. As thread-safe as the counter."""

    def __init__(self, counter: Counter, shortest: int = 7) -> None:
        """Codes have `shortest` characters, one more when a length is full."""
        self._counter = counter
        self._shortest = shortest

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of the next number; after a conflict, the one after that."""
        return plain_code(self._counter.next_value(), self._shortest)
