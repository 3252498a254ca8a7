"""Guesses nearly always hit codes with an order; others, as often as by chance."""

import random

import pytest

from keygen.base62 import BASE, encode
from keygen.permutation import Permutation
from keygen.strategies.snowflake import EPOCH_MS, LENGTH, Parts, join_parts
from lab.strategies.comparison.guessing import Attack, attack


def test_codes_when_counted_are_guessed_nearly_always():
    found = attack([encode(number) for number in range(5_000, 35_000)], seed=1)
    assert (found.seen, found.guesses) == (100, 10_000)
    assert found.share > 0.98
    assert not found.is_blind


def test_codes_when_counted_in_far_apart_ranges_are_guessed_mostly():
    starts = [0, 10**6, 7 * 10**8, 5 * 10**9]  # as of several processes
    codes = [encode(start + offset) for start in starts for offset in range(6_000)]
    assert attack(codes, seed=1).share > 0.9


def test_codes_when_made_in_strides_are_guessed_by_their_common_divisor():
    found = attack([encode(number * 1_000 + 7) for number in range(30_000)], seed=1)
    assert found.share > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_codes_when_spread_evenly_are_guessed_as_often_as_the_space_is_dense(seed):
    numbers = random.Random(seed).sample(range(BASE**3), 25_000)
    found = attack([encode(number, 3) for number in numbers], seed=seed)
    assert found.density == pytest.approx(0.1049, abs=0.0001)
    assert found.is_blind
    assert found.share == pytest.approx(found.density, abs=0.015)  # five standard errors


def test_codes_when_permuted_are_guessed_as_often_as_the_space_is_dense():
    permutation = Permutation(bytes(range(32)), 4)
    found = attack([encode(permutation.forward(n), 4) for n in range(300_000)], seed=1)
    assert found.is_blind
    assert found.share == pytest.approx(found.density, abs=0.008)


def test_snowflakes_when_made_every_millisecond_are_guessed():
    def code(ms: int, worker: int) -> str:
        return encode(join_parts(Parts(EPOCH_MS + 10**9 + ms, worker, 0)), LENGTH)

    often = [code(ms, worker) for ms in range(10_000) for worker in (3, 9)]
    rarely = [code(ms * 500, worker) for ms in range(10_000) for worker in (3, 9)]
    assert attack(often, seed=1).share > 0.95
    assert attack(rarely, seed=1).share < 0.05


def test_attack_on_few_codes_sees_and_guesses_fewer():
    found = attack([encode(number) for number in range(100)], seed=1)
    assert (found.seen, found.guesses) == (10, 45)
    assert attack([encode(1)], seed=1) == Attack(0, 0, 0, 0.0)


def test_attack_when_repeated_with_its_seed_is_equal():
    codes = {encode(number) for number in range(3_000)}
    assert attack(codes, seed=5) == attack(sorted(codes, reverse=True), seed=5)
