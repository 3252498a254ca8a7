"""guard.bulkhead: so many and no more, and a hang does not stay unnoticed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from guard.breaker import Breaker
from guard.bulkhead import Bulkhead, BulkheadFullError
from tests.running_demo import wait_until


def test_places_are_taken_given_back_and_never_more_than_there_are():
    bulkhead, inside, most = Bulkhead(3, Breaker("it", failures=99), wait_s=10), [], []
    lock = threading.Lock()

    def wait(number: int) -> None:
        with bulkhead:
            with lock:
                inside.append(number)
                most.append(len(inside))
            with lock:
                inside.remove(number)

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(wait, range(2_000)))
    assert max(most) <= 3
    assert len(most) == 2_000


def test_place_is_given_back_when_the_query_fails():
    bulkhead = Bulkhead(1, Breaker("it", failures=99), wait_s=0.01)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), bulkhead:
            raise ZeroDivisionError


def test_breaker_opens_when_nobody_finds_a_place_and_not_when_some_succeed():
    breaker = Breaker("it", failures=3)
    bulkhead = Bulkhead(1, breaker, wait_s=0.001)
    found_open = []
    with ThreadPoolExecutor(1) as other:
        other.submit(bulkhead.__enter__).result()
        for is_success in (False, False, True, False, False, False):
            if is_success:
                breaker.note_success()
            else:
                with pytest.raises(BulkheadFullError, match="too many"), bulkhead:
                    pass
            found_open.append(breaker.is_open)
    assert found_open == [False] * 5 + [True]


def test_thread_takes_one_place_however_often_it_enters():
    bulkhead = Bulkhead(1, Breaker("it", failures=99), wait_s=0.01)
    with ThreadPoolExecutor(1) as other:
        with bulkhead:
            with bulkhead:
                pass
            with pytest.raises(BulkheadFullError):
                other.submit(bulkhead.__enter__).result()
        other.submit(bulkhead.__enter__).result()


def test_nobody_waits_where_nothing_has_moved_for_that_long():
    clock_s = [0.0]
    bulkhead = Bulkhead(1, Breaker("it", failures=99), wait_s=60.0, now_s=lambda: clock_s[0])
    with ThreadPoolExecutor(1) as other:
        other.submit(bulkhead.__enter__).result()
        clock_s[0] += 61.0
        began_s = time.monotonic()
        with pytest.raises(BulkheadFullError), bulkhead:
            pass
    assert time.monotonic() - began_s < 30.0


def test_all_wait_where_places_are_given_back_also_after_a_time_when_nobody_came():
    clock_s = [0.0]
    bulkhead = Bulkhead(2, Breaker("it", failures=99), wait_s=60.0, now_s=lambda: clock_s[0])
    leaves = [threading.Event() for _ in range(3)]
    passed = []

    def stay(number: int) -> None:
        with bulkhead:
            leaves[number].wait(30)

    def follow() -> None:
        with bulkhead:
            passed.append(1)

    def wait_for_followers(number: int) -> None:
        wait_until(lambda: len(bulkhead._changed._waiters) == number, within_s=10)

    with ThreadPoolExecutor(9) as threads:
        with bulkhead:
            pass
        clock_s[0] += 1_000.0  # nobody came
        staying = [threads.submit(stay, number) for number in range(2)]
        wait_until(lambda: bulkhead._taken == 2, within_s=10)
        early = [threads.submit(follow) for _ in range(2)]
        wait_for_followers(2)
        clock_s[0] += 50.0
        leaves[0].set()
        for follower in early:
            follower.result(30)
        clock_s[0] += 30.0  # since one was given back; the other has been taken for longer than 60
        staying.append(threads.submit(stay, 2))
        wait_until(lambda: bulkhead._taken == 2, within_s=10)
        late = [threads.submit(follow) for _ in range(2)]
        wait_for_followers(2)
        for leave in leaves:
            leave.set()
        for follower in late:
            follower.result(30)
        for stayer in staying:
            stayer.result(30)
    assert passed == [1] * 4


def test_burst_waits_also_where_one_has_been_inside_for_long():
    clock_s = [0.0]
    bulkhead = Bulkhead(3, Breaker("it", failures=99), wait_s=60.0, now_s=lambda: clock_s[0])
    leave = threading.Event()

    def stay() -> None:
        with bulkhead:
            leave.wait(30)

    with ThreadPoolExecutor(4) as threads:
        staying = [threads.submit(stay)]
        wait_until(lambda: bulkhead._taken == 1, within_s=10)
        clock_s[0] += 1_000.0
        staying += [threads.submit(stay) for _ in range(3)]
        wait_until(lambda: len(bulkhead._changed._waiters) == 1, within_s=10)
        leave.set()
        for stayer in staying:
            stayer.result(30)
