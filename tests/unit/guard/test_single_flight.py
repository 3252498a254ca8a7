"""guard.single_flight: one look-up per key at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from guard.single_flight import JOIN_WITHIN_S, SingleFlight
from tests.running_demo import wait_until


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


def ask(
    flights: SingleFlight[int], look_up: Callable[[], int], joined: Callable[[], object] = bool
) -> tuple[int, bool]:
    """The answer, and whether it is this caller's own."""
    with flights.join("code") as (answer, leads):
        joined()
        if leads:
            answer.set_result(look_up())
    return answer.result(10), leads


def test_look_up_when_many_ask_is_done_once_and_answers_all():
    flights, slow, joined = SingleFlight[int](), Slow(), threading.Semaphore(0)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(ask, flights, slow)
        assert slow.called.wait(10)
        others = [threads.submit(ask, flights, slow, joined.release) for _ in range(8)]
        for _ in others:
            joined.acquire()
        slow.let_go.set()
        assert first.result() == (1, True)
        assert [other.result() for other in others] == [(1, False)] * 8
    assert slow.calls == 1
    assert len(flights) == 0


def test_failure_reaches_all_who_wait_and_the_next_tries_again():
    flights, joined, let_go = SingleFlight[int](), threading.Event(), threading.Event()

    def fail() -> int:
        assert let_go.wait(10)
        raise OSError("away")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, flights, fail)
        wait_until(lambda: len(flights) == 1, 10)
        second = threads.submit(ask, flights, fail, joined.set)
        assert joined.wait(10)
        let_go.set()
        for each in (first, second):
            with pytest.raises(OSError, match="away"):
                each.result()
    assert ask(flights, lambda: 3) == (3, True)


def test_old_look_up_is_not_joined():
    now = 0.0
    flights, slow = SingleFlight[int](lambda: now), Slow()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(ask, flights, slow)
        assert slow.called.wait(10)
        now = JOIN_WITHIN_S + 0.01
        assert ask(flights, lambda: 9) == (9, True)
        slow.let_go.set()
        assert first.result() == (1, True)
    assert len(flights) == 0


def test_leader_that_gives_no_answer_leaves_nobody_waiting():
    flights = SingleFlight[int]()
    with flights.join("code") as (answer, leads):
        assert leads
    with pytest.raises(CancelledError):
        answer.result(10)
    assert ask(flights, lambda: 3) == (3, True)
