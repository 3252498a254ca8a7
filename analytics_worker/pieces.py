"""Work in pieces of some milliseconds each, so that one thread can do it while something waits.

Such work is a generator: it yields after each piece and returns its result.
"""

from collections.abc import Generator
from typing import Generic, TypeVar

T = TypeVar("T")
Pieces = Generator[None, None, T]


class Work(Generic[T]):
    """Some work, its result or its failure, and how far it is."""

    def __init__(self, pieces: Pieces[T]) -> None:
        """Nothing of it is done yet."""
        self._pieces = pieces
        self._results: list[T] = []  # one, when all is done
        self._failure: Exception | None = None

    def step(self) -> bool:
        """Do a piece; says whether there is more. A failure is kept for who wants the result."""
        if self._results or self._failure:
            return False
        try:
            next(self._pieces)
        except StopIteration as end:
            self._results.append(end.value)
        except Exception as error:  # noqa: BLE001
            self._failure = error
        else:
            return True
        return False

    def finish(self) -> T:
        """Do what is left of it.

        Raises:
            Exception: whatever it raised, now or before.
        """
        while self.step():
            pass
        if self._failure:
            raise self._failure
        return self._results[0]
