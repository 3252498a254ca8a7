"""keygen.ranges: ids from memory, ranges from the background."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from keygen import ranges
from keygen.ranges import RangeAllocator, RangesUnavailableError

LONG_S = 10.0  # never waited for when all is well


class GatedSource:
    """A range source that answers when the test lets it."""

    def __init__(self, first_id: int = 0) -> None:
        self.asked: queue.Queue[threading.Thread] = queue.Queue()  # who called, once per call
        self.granted: list[range] = []
        self.most_at_once = 0
        self._next_id = first_id
        self._inside = 0
        self._answers: queue.Queue[Exception | None] = queue.Queue()

    def answer(self, *outcomes: Exception | None) -> None:
        """Let one call go through for each outcome: None for a range."""
        for outcome in outcomes:
            self._answers.put(outcome)

    def reserve_range(self, size: int) -> range:
        self._inside += 1
        self.most_at_once = max(self.most_at_once, self._inside)
        self.asked.put(threading.current_thread())
        outcome = self._answers.get(timeout=LONG_S)
        self._inside -= 1
        if outcome is not None:
            raise outcome
        granted = range(self._next_id, self._next_id + size)
        self._next_id += 10 * size  # others take ranges in between
        self.granted.append(granted)
        return granted


@pytest.fixture
def source():
    return GatedSource()


@pytest.fixture
def new_allocator(source, monkeypatch):
    """Makes allocators on the source, and ends their threads."""
    monkeypatch.setattr(ranges, "RETRY_FIRST_S", 0.001)
    made = []

    def make(size: int, wait_s: float = LONG_S) -> RangeAllocator:
        made.append(RangeAllocator(source, size, wait_s))
        return made[-1]

    yield make
    for allocator in made:
        allocator.close()
        source.answer(ConnectionError())


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.001)


def take(allocator: RangeAllocator, count: int) -> list[int]:
    return [allocator.next_id() for _ in range(count)]


def test_ids_are_unique_and_reserved_when_many_threads_ask(source, new_allocator):
    source.answer(*[None] * 1_000)
    allocator = new_allocator(size=50, wait_s=2.0)
    with ThreadPoolExecutor(8) as threads:
        taken = [id_ for ids in threads.map(take, [allocator] * 8, [1_000] * 8) for id_ in ids]
    reserved = {id_ for granted in source.granted for id_ in granted}
    assert len(set(taken)) == len(taken) == 8_000
    assert set(taken) <= reserved
    assert source.most_at_once == 1
    # What was reserved is given out or in hand: nothing is thrown away.
    wait_until(lambda: allocator.in_hand() == sum(map(len, source.granted)) - len(taken))


def test_every_caller_gets_an_id_when_all_wait_for_one_range(source, new_allocator):
    allocator = new_allocator(size=100, wait_s=0.5)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(allocator.next_id) for _ in range(4)]
        wait_until(lambda: len(allocator._changed._waiters) == 4)
        source.answer(None)
        assert sorted(call.result() for call in waiting) == [0, 1, 2, 3]
    assert len(source.granted) == 1


def test_every_caller_gets_an_id_when_the_ranges_are_smaller_than_the_crowd(source, new_allocator):
    allocator = new_allocator(size=1, wait_s=0.5)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(allocator.next_id) for _ in range(4)]
        wait_until(lambda: len(allocator._changed._waiters) == 4)
        source.answer(*[None] * 8)
        assert sorted(call.result() for call in waiting) == [0, 10, 20, 30]


def test_caller_waits_when_the_source_is_slow(source, new_allocator):
    allocator = new_allocator(size=10)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(allocator.next_id)
        asking = source.asked.get(timeout=LONG_S)
        assert not call.done()
        source.answer(None)
        assert call.result() == 0
    assert asking.name == "range-fetch"


def test_caller_gives_up_when_the_source_is_too_slow(source, new_allocator):
    allocator = new_allocator(size=10, wait_s=0.01)
    with pytest.raises(RangesUnavailableError, match=r"none came in 0\.01 s"):
        allocator.next_id()
    source.answer(None)
    wait_until(allocator.in_hand)
    assert allocator.next_id() == 0


def test_next_range_is_asked_for_when_a_fifth_is_left(source, new_allocator):
    source.answer(None)
    allocator = new_allocator(size=10)
    take(allocator, 8)
    assert not allocator._fetching
    take(allocator, 1)
    assert allocator._fetching
    take(allocator, 1)  # does not wait: the range in hand is used up first
    source.answer(None)
    assert allocator.next_id() == source.granted[1].start


def test_callers_do_not_wait_when_the_next_range_stands_by(source, new_allocator):
    allocator = new_allocator(size=10, wait_s=0)
    with pytest.raises(RangesUnavailableError):
        allocator.next_id()
    source.answer(None)
    wait_until(allocator.in_hand)
    take(allocator, 9)
    source.answer(None)
    wait_until(lambda: allocator.in_hand() == 11)
    assert take(allocator, 2) == [9, source.granted[1].start]


def test_in_hand_counts_both_ranges_when_one_stands_by(source, new_allocator):
    allocator = new_allocator(size=10)
    assert allocator.in_hand() == 0
    source.answer(None)
    take(allocator, 9)
    assert allocator.in_hand() == 1
    source.answer(None)
    wait_until(lambda: allocator.in_hand() == 11)
    take(allocator, 2)
    assert allocator.in_hand() == 9


def test_ids_in_hand_are_used_up_when_the_source_fails(source, new_allocator):
    source.answer(None)
    allocator = new_allocator(size=10)
    take(allocator, 9)
    fault = ConnectionError("the database is away")
    source.answer(fault)
    wait_until(lambda: allocator._failure is fault)
    assert allocator.next_id() == 9
    source.answer(*[fault] * 10)
    with pytest.raises(RangesUnavailableError) as raised:
        allocator.next_id()
    assert raised.value.__cause__ is fault


def test_ids_flow_again_when_the_source_recovers(source, new_allocator):
    source.answer(ConnectionError(), ConnectionError(), None)
    allocator = new_allocator(size=10)
    with pytest.raises(RangesUnavailableError):
        allocator.next_id()
    wait_until(allocator.in_hand)  # no caller is needed for that
    assert take(allocator, 10) == list(range(10))
    with ThreadPoolExecutor(1) as threads:  # the old failure is forgotten: a caller waits again
        call = threads.submit(allocator.next_id)
        wait_until(lambda: call.done() or allocator._changed._waiters)
        source.answer(None)
        assert call.result() == source.granted[1].start
    assert source.most_at_once == 1


def test_source_is_never_called_on_a_caller_thread(source, new_allocator):
    source.answer(*[None] * 100)
    allocator = new_allocator(size=1)
    take(allocator, 20)
    callers = {source.asked.get_nowait() for _ in range(20)}
    assert threading.current_thread() not in callers
    # The interpreter can end while one of them waits for the database.
    assert all(thread.daemon for thread in callers)


def test_source_is_left_alone_when_closed(source, new_allocator):
    source.answer(ConnectionError())
    allocator = new_allocator(size=10)
    with pytest.raises(RangesUnavailableError):
        allocator.next_id()
    allocator.close()
    source.answer(ConnectionError())
    wait_until(lambda: not allocator._fetching)


def test_size_is_refused_when_a_range_would_be_empty(source):
    with pytest.raises(ValueError, match="at least one id"):
        RangeAllocator(source, size=0)
