"""db.bulkhead: so many and no more, and a hang does not stay unnoticed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.breaker import Breaker
from db.bulkhead import Bulkhead
from db.errors import DatabaseUnavailableError

pytestmark = pytest.mark.unit


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
                with pytest.raises(DatabaseUnavailableError, match="too many"), bulkhead:
                    pass
            found_open.append(breaker.is_open)
    assert found_open == [False] * 5 + [True]


def test_thread_takes_one_place_however_often_it_enters():
    bulkhead = Bulkhead(1, Breaker("it", failures=99), wait_s=0.01)
    with ThreadPoolExecutor(1) as other:
        with bulkhead:
            with bulkhead:
                pass
            with pytest.raises(DatabaseUnavailableError):
                other.submit(bulkhead.__enter__).result()
        other.submit(bulkhead.__enter__).result()
