"""Group commit: what several threads want written is written by one of them, in one go.

A write costs a round trip and a wait for the disk, however little is written. While one thread
waits for that, others come; they form the next group and wait once, together (DeWitt et al.,
Implementation Techniques for Main Memory Database Systems, 1984). A thread that comes alone writes
at once, and waits for nobody.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def _taken_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Place(Generic[Item, Result]):
    """One thread in the line."""

    item: Item
    result: Result | None = None
    error: BaseException | None = None
    is_done: bool = False
    called: threading.Lock = field(default_factory=_taken_lock)  # released once, to wake the thread


class GroupCommit(Generic[Item, Result]):
    """A line of threads with something to write. Thread-safe."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._line: list[_Place[Item, Result]] = []
        self._is_writing = False
        self._lock = threading.Lock()

    def commit(self, item: Item, write: Callable[[Sequence[Item]], Sequence[Result]]) -> Result:
        """Have an item written, and wait for it.

        Args:
            item: what to write.
            write: does it, for our group if we lead it; called by one thread at a time. Gives a
                result for each item, in order.

        Returns:
            The result for the item.

        Raises:
            Exception: what the write of its group raised, for all who were in it.
        """
        mine: _Place[Item, Result] = _Place(item)
        with self._lock:
            self._line.append(mine)
            leads, self._is_writing = not self._is_writing, True
        if not leads:
            mine.called.acquire()  # by the leader of our group, or to lead the next one
        if not mine.is_done:
            self._lead(write)
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    def _lead(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        """Write for all who wait, the calling thread first of them."""
        with self._lock:
            group, self._line = self._line, []
        try:
            results = write([place.item for place in group])
            for place, result in zip(group, results, strict=True):
                place.result = result
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody waits for ever
            for place in group:
                place.error = error
        with self._lock:
            successor = self._line[0] if self._line else None
            self._is_writing = successor is not None
        if successor is not None:
            successor.called.release()
        for place in group[1:]:
            place.is_done = True
            place.called.release()
        group[0].is_done = True

    def __len__(self) -> int:
        """How many wait for the present write to end."""
        return len(self._line)
