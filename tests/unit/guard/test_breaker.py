"""guard.breaker: who may try, and when."""

import math

import pytest

from guard.breaker import Breaker

ERROR = OSError("no answer")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("it", failures=3, pause_s=1.0, now_s=clock)


def test_all_are_let_in_until_so_many_failures_in_a_row(breaker: Breaker):
    for _ in range(5):
        breaker.note_failure(ERROR)
        breaker.note_failure(ERROR)
        assert breaker.allows()
        breaker.note_success()
    for _ in range(3):
        breaker.note_failure(ERROR)
    assert not breaker.allows()


def test_one_at_a_time_is_let_in_when_the_pause_is_over(breaker: Breaker, clock: Clock):
    for _ in range(3):
        breaker.note_failure(ERROR)
    for _ in range(3):
        clock.now += 1.01
        assert [breaker.allows() for _ in range(4)] == [True, False, False, False]
    breaker.note_failure(ERROR)
    clock.now += 0.99
    assert not breaker.allows()


def test_all_are_let_in_again_when_the_one_succeeds(breaker: Breaker, clock: Clock):
    for _ in range(3):
        breaker.note_failure(ERROR)
    clock.now += 1.01
    assert breaker.allows()
    breaker.note_success()
    assert all(breaker.allows() for _ in range(10))


def test_nobody_is_let_in_when_the_pause_has_no_end_until_somebody_tells_of_an_answer(
    clock: Clock,
):
    breaker = Breaker("it", failures=1, pause_s=math.inf, now_s=clock)
    breaker.note_failure(ERROR)
    clock.now += 86_400
    assert not breaker.allows()
    breaker.note_success()
    assert breaker.allows()
