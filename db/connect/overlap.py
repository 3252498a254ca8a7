"""Other work while Postgres does its own: in one thread, piece by piece.

A second thread would do the same at a greater price: both compute, so they would fight over the
interpreter's lock, some hundred times a second, and over the core's caches.
"""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from psycopg.abc import RV, PQGen
from psycopg.waiting import Wait

if TYPE_CHECKING:
    from db.connect.pool import Connection

# Does a piece of work, of some milliseconds; says whether there is more. Raises nothing.
Step = Callable[[], bool]

_EVENTS: Final = {
    Wait.R: select.POLLIN,
    Wait.W: select.POLLOUT,
    Wait.RW: select.POLLIN | select.POLLOUT,
}


@contextmanager
def meanwhile(connection: "Connection", step: Step | None) -> Iterator[None]:
    """Within this, take a step whenever the connection would wait, as long as there are more."""
    connection.step = step
    try:
        yield
    finally:
        connection.step = None


def interleaved(waiting: PQGen[RV], fileno: int, step: Step, within_s: float) -> PQGen[RV]:
    """What waits for Postgres, with steps before each wait until there is something to do.

    Args:
        waiting: psycopg's.
        fileno: of the connection.
        step: to be taken.
        within_s: after that long no more steps, so that the wait can come to its own end.
    """
    until_s = time.monotonic() + within_s
    poller = select.poll()
    try:
        wanted = next(waiting)
        while True:
            poller.register(fileno, _EVENTS[wanted])
            while not poller.poll(0) and time.monotonic() < until_s and step():
                pass
            wanted = waiting.send((yield wanted))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
