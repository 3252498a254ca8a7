"""The pool strategy over a pool in memory."""

import threading
from collections.abc import Collection

import pytest

from keygen.errors import CodesUnavailableError
from keygen.strategies.pool import Pooled


class FakePool:
    """A code pool in memory; every code that was ever added counts as used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._known: set[str] = set()
        self.leaks = False

    def claim_code(self) -> str | None:
        with self._lock:
            return self._waiting.pop() if self._waiting and not self.leaks else None

    def count_codes(self) -> int:
        return len(self._waiting)

    def add_codes(self, codes: Collection[str]) -> int:
        with self._lock:
            fresh = set(codes) - self._known
            self._known |= fresh
            self._waiting += fresh
            return len(fresh)


def join_fillers() -> None:
    for thread in threading.enumerate():
        if thread.name == "pool-fill":
            thread.join()


def test_pool_is_filled_to_its_size_in_the_background():
    pool = FakePool()
    strategy = Pooled(pool, size=3_000)
    assert len(strategy.candidate("", 0)) == 7
    join_fillers()
    assert 3_000 - 1 <= pool.count_codes() < 5_000  # the claim may come after the fill


def test_codes_are_unique_and_grow_when_half_of_a_length_is_taken():
    strategy = Pooled(FakePool(), size=50, shortest=1)
    codes = [strategy.candidate("", 0) for _ in range(62 + 500)]
    join_fillers()
    assert len(set(codes)) == len(codes)
    assert {len(code) for code in codes} >= {1, 2}


def test_an_empty_pool_that_others_empty_at_once_is_a_clear_error():
    pool = FakePool()
    pool.leaks = True
    with pytest.raises(CodesUnavailableError, match="emptied faster"):
        Pooled(pool).candidate("", 0)
    join_fillers()


def test_a_fault_of_the_pool_reaches_the_caller_and_not_the_background():
    class Away(FakePool):
        def claim_code(self) -> str | None:
            raise ConnectionError("away")

        count_codes = claim_code  # type: ignore[assignment]

    with pytest.raises(ConnectionError, match="away"):
        Pooled(Away()).candidate("", 0)
    join_fillers()
