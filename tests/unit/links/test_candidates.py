"""The strategies that count, draw or hash: what they propose, and how their codes grow."""

import itertools
from hashlib import sha256

import pytest

from keygen.base62 import BASE, decode
from keygen.permutation import Permutation
from keygen.ranges import RangeAllocator
from keygen.space import ATTEMPTS_PER_LENGTH, drawn_length, plain_code, plain_id
from keygen.strategies import Strategy
from keygen.strategies.counter import Counted
from keygen.strategies.hash import Hashed
from keygen.strategies.permuted import Permuted
from keygen.strategies.random import Randomised
from keygen.strategies.range import Ranged
from keygen.strategies.stride import Strided

URL = "https://example.org/"


class FakeCounter:
    """A counter in memory."""

    def __init__(self) -> None:
        self.next_value = itertools.count().__next__


class FakeRanges:
    """A range source in memory."""

    def __init__(self) -> None:
        self._next_id = 0

    def reserve_range(self, size: int) -> range:
        self._next_id += size
        return range(self._next_id - size, self._next_id)


def counting_strategies() -> dict[str, Strategy]:
    """Those that go through the space code by code, from 2 characters on."""
    return {
        "counter": Counted(FakeCounter(), shortest=2),
        "range": Ranged(RangeAllocator(FakeRanges(), 100), shortest=2),
        "permuted": Permuted(RangeAllocator(FakeRanges(), 100), lambda: b"k" * 16, shortest=2),
        "stride": Strided([FakeCounter() for _ in range(4)], shortest=2),
    }


@pytest.mark.parametrize("name", counting_strategies())
def test_codes_use_a_length_up_before_they_grow(name):
    strategy = counting_strategies()[name]
    codes = [strategy.candidate(URL, 0) for _ in range(BASE**2 + 100)]
    assert len(set(codes)) == len(codes)
    assert sum(len(code) == 2 for code in codes) == pytest.approx(BASE**2, abs=4)  # stride: N ahead
    assert {len(code) for code in codes[-90:]} == {3}


def test_plain_strategies_count_in_base62():
    for name in ("counter", "range"):
        strategy = counting_strategies()[name]
        assert [strategy.candidate(URL, 0) for _ in range(3)] == ["00", "01", "02"]


def test_stride_counters_share_the_ids_out_without_overlap():
    strategy = Strided([FakeCounter() for _ in range(4)])
    ids = sorted(plain_id(strategy.candidate(URL, 0), 7) for _ in range(400))
    assert ids == list(range(400))


def test_stride_without_counters_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Strided([])


@pytest.mark.parametrize("strategy", [Randomised(shortest=2), Hashed(shortest=2)])
def test_drawn_codes_grow_by_a_character_when_conflicts_repeat(strategy):
    lengths = [len(strategy.candidate(URL, attempt)) for attempt in range(ATTEMPTS_PER_LENGTH * 3)]
    assert lengths == [2] * 5 + [3] * 5 + [4] * 5
    assert lengths == [drawn_length(attempt, 2) for attempt in range(len(lengths))]


def test_random_codes_differ_for_one_target():
    assert len({Randomised().candidate(URL, 0) for _ in range(1_000)}) == 1_000


def test_hash_is_sha256_of_the_target_and_its_salt_changes_with_the_attempt():
    strategy = Hashed()
    first = strategy.candidate(URL, 0)
    assert decode(first) == int(sha256(URL.encode()).hexdigest(), 16) % BASE**7
    assert strategy.candidate(URL, 0) == first
    assert len({strategy.candidate(URL, attempt) for attempt in range(20)}) == 20


def test_hash_leaves_a_target_that_comes_again_and_again_to_chance():
    strategy = Hashed()
    assert strategy.candidate(URL, 4) == strategy.candidate(URL, 4)
    assert strategy.candidate(URL, 5) != strategy.candidate(URL, 5)


@pytest.mark.parametrize("id_", [0, 1, 61, 62, 62**2 - 1, 62**2, 62**2 + 62**3, 2**63 - 1])
def test_plain_codes_read_back(id_):
    assert plain_id(plain_code(id_, 2), 2) == id_


def test_a_negative_id_has_no_code():
    with pytest.raises(ValueError, match="negative"):
        plain_code(-1, 7)


@pytest.mark.parametrize("length", [0, 1, 12])
def test_a_permutation_of_an_impossible_length_is_refused(length):
    with pytest.raises(ValueError, match="at least 2 characters and at most 11"):
        Permutation(b"k" * 16, length)
