"""The range size follows the demand; bursts wait; an outage ends when the database is back."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import pytest

from keygen.ranges import RangeAllocator, RangesUnavailableError


class Source:
    """Ranges from memory; fails while `down` is set."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.down = False

    def reserve_range(self, size: int) -> range:
        if self.down:
            raise ConnectionError("the database is away")
        start = sum(self.sizes)
        self.sizes.append(size)
        return range(start, start + size)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def sizes_when_ranges_last(seconds: float, *, ranges: int = 8) -> list[int]:
    """The sizes asked for when every range lasts so many seconds."""
    source, clock = Source(), Clock()
    allocator = RangeAllocator(source, 40, min_size=10, max_size=160, now_s=clock)
    while len(source.sizes) < ranges:
        id_ = allocator.next_id()
        if id_ + 1 in accumulate(source.sizes):  # the last of its range
            clock.now_s += seconds
    allocator.close()
    return source.sizes


def test_size_doubles_up_to_its_bound_when_ranges_last_under_a_minute():
    assert sizes_when_ranges_last(59) == [40, 40, 80, 160, 160, 160, 160, 160]


def test_size_halves_down_to_its_bound_when_ranges_last_over_an_hour():
    assert sizes_when_ranges_last(3_601) == [40, 40, 20, 10, 10, 10, 10, 10]


@pytest.mark.parametrize("seconds", [60, 3_600])
def test_size_stays_when_ranges_last_in_between(seconds):
    assert set(sizes_when_ranges_last(seconds)) == {40}


def test_size_stays_when_no_bounds_are_given():
    source = Source()
    allocator = RangeAllocator(source, 40)
    for _ in range(400):
        allocator.next_id()
    assert set(source.sizes) == {40}


@pytest.mark.parametrize(("low", "size", "high"), [(0, 1, 1), (10, 9, 20), (10, 21, 20)])
def test_a_size_outside_its_bounds_is_refused(low, size, high):
    with pytest.raises(ValueError, match=f"{low} <= {size} <= {high}"):
        RangeAllocator(Source(), size, min_size=low, max_size=high)


def test_ids_in_hand_outlast_an_outage_and_the_first_caller_after_it_succeeds():
    source = Source()
    allocator = RangeAllocator(source, 10)
    assert allocator.next_id() == 0
    source.down = True
    assert [allocator.next_id() for _ in range(9)] == list(range(1, 10))
    with pytest.raises(RangesUnavailableError):
        allocator.next_id()

    source.down = False
    assert allocator.next_id() == 10  # at once, although the last attempt has failed
    allocator.close()


def test_every_caller_gets_an_id_when_bursts_empty_range_after_range():
    class Slow(Source):
        def reserve_range(self, size: int) -> range:
            time.sleep(0.001)
            return super().reserve_range(size)

    allocator = RangeAllocator(Slow(), 3, wait_s=10)
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: allocator.next_id(), range(600)))
    assert sorted(ids) == list(range(600))
    allocator.close()
