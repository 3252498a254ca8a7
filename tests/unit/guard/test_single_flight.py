"""guard.single_flight: one look-up per key at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from guard.single_flight import JOIN_WITHIN_S, Flights


class Slow:
    """A look-up that lasts until it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.called, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.calls += 1
        self.called.set()
        assert self.let_go.wait(10)
        return self.calls


def test_look_up_when_many_ask_is_done_once_and_answers_all():
    flights, slow = Flights[int](), Slow()
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(flights.share, "code", slow)
        assert slow.called.wait(10)
        joining = threading.Semaphore(0)

        def ask() -> tuple[int, bool]:
            joining.release()
            return flights.share("code", slow)

        others = [threads.submit(ask) for _ in range(8)]
        for _ in others:
            joining.acquire()
        slow.let_go.set()
        assert first.result() == (1, True)
        # One that came when it was over has looked up itself.
        assert all(other.result()[0] == 1 or other.result()[1] for other in others)
    assert flights._flying == {}


def test_answer_given_instead_is_not_waited_for():
    flights, slow = Flights[int](), Slow()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(flights.share, "code", slow)
        assert slow.called.wait(10)
        assert flights.share("code", slow, instead=7) == (7, False)
        slow.let_go.set()
        assert first.result() == (1, True)
    assert slow.calls == 1


def test_failure_reaches_all_who_wait_and_the_next_tries_again():
    flights, called, let_go = Flights[int](), threading.Event(), threading.Event()

    def fail() -> int:
        called.set()
        assert let_go.wait(10)
        raise OSError("away")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(flights.share, "code", fail)
        assert called.wait(10)
        second = threads.submit(flights.share, "code", fail)
        let_go.set()
        for each in (first, second):
            with pytest.raises(OSError, match="away"):
                each.result()
    assert flights.share("code", lambda: 3) == (3, True)


def test_old_look_up_is_not_joined():
    now = 0.0
    flights, slow = Flights[int](lambda: now), Slow()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(flights.share, "code", slow)
        assert slow.called.wait(10)
        now = JOIN_WITHIN_S + 0.01
        assert flights.share("code", lambda: 9) == (9, True)
        slow.let_go.set()
        assert first.result() == (1, True)
    assert flights._flying == {}
