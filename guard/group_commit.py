"""Group commit: threads that want something written at the same time share one write.

A write costs a round trip and a wait for the disk, however little is written. While one is under
way, later threads line up, and the first of them writes for all (DeWitt et al., "Implementation
Techniques for Main Memory Database Systems", SIGMOD 1984). A lone thread writes at once.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class Place(Generic[Item, Result]):
    """One thread in the line. A leader's `group` is the places it writes for, its own included."""

    item: Item
    group: "list[Place[Item, Result]]" = field(default_factory=list)
    results: list[Result] = field(default_factory=list)  # none, or the one of this place
    error: BaseException | None = None
    called: threading.Lock = field(default_factory=_held_lock)  # released once, to wake the thread

    @property
    def result(self) -> Result:
        """What the write gave for this item."""
        return self.results[0]

    def write(self, results: Sequence[Result]) -> None:
        """Give each place of the group its result.

        Raises:
            ValueError: there are not as many results as places.
        """
        for place, result in zip(self.group, results, strict=True):
            place.results.append(result)


class GroupCommit(Generic[Item, Result]):
    """A line of threads with something to write. Thread-safe."""

    def __init__(self) -> None:
        self._line: list[Place[Item, Result]] = []
        self._is_writing = False
        self._lock = threading.Lock()

    @contextmanager
    def join(self, item: Item) -> Iterator[Place[Item, Result]]:
        """Line up with an item, until somebody has written it or it is this thread's turn to write.

        Yields:
            The thread's place. If it has a group, the thread leads: it writes the items of the
            group and calls `write` with a result for each. Only one thread leads at a time.

        Raises:
            Exception: what the leader of the thread's group raised.
        """
        mine: Place[Item, Result] = Place(item)
        with self._lock:
            self._line.append(mine)
            must_wait, self._is_writing = self._is_writing, True
        if must_wait:
            mine.called.acquire()
        if mine.error is not None:
            raise mine.error
        if mine.results:
            yield mine
            return
        with self._lock:
            mine.group, self._line = self._line, []
        failure: BaseException = RuntimeError("the leader of the group wrote nothing")
        try:
            yield mine
        except BaseException as error:
            failure = error
            raise
        finally:
            for place in mine.group:
                if not place.results:
                    place.error = failure
            self._hand_over(mine.group)

    def _hand_over(self, written: Sequence[Place[Item, Result]]) -> None:
        """Call the next leader, then those whose item is written."""
        with self._lock:
            successor = self._line[0] if self._line else None
            self._is_writing = successor is not None
        if successor is not None:
            successor.called.release()
        for place in written[1:]:  # the first is the leader
            place.called.release()

    def __len__(self) -> int:
        """The number of threads that wait for the write under way to end."""
        return len(self._line)
