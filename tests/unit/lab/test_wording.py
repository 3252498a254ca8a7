"""Numbers as a person says them, and a line for every strategy."""

import math
from typing import get_args

import pytest

from keygen.strategies import StrategyName
from lab.capacity.numbers import say_chance, say_count, say_years
from lab.strategies.explanations import EXPLANATIONS


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (0.05466, "0.055"),
        (1, "1"),
        (9.96, "10"),
        (19.3, "19"),
        (999.6, "1,000"),
        (52_345, "52,300"),
        (999_999, "1 million"),
        (3.5216e12, "3.5 trillion"),
        (182.5e9, "182 billion"),
        (9.999e20, "1.0 \N{MULTIPLICATION SIGN} 10²¹"),
        (1.234e25, "1.2 \N{MULTIPLICATION SIGN} 10²⁵"),
        (math.inf, "infinite"),
    ],
)
def test_count_is_said_in_few_digits(number, words):
    assert say_count(number) == words


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0, "none"),
        (1e-9, "1 in 1 billion"),
        (0.0518, "1 in 19"),
        (0.63, "63 %"),
        (0.994, "over 99 %"),
        (1.0, "certain"),
    ],
)
def test_chance_is_said_as_one_in_many_when_it_is_small(probability, words):
    assert say_chance(probability) == words


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (96.48, "96 years"),
        (5, "5 years"),
        (1.5, "18 months"),
        (10 / 365, "10 days"),
        (1.5 / 365, "36 hours"),
        (1 / 8_760, "1 hour"),
        (1e-6, "under an hour"),
        (3.5e6, "3.5 million years"),
    ],
)
def test_time_is_said_in_the_unit_that_fits(years, words):
    assert say_years(years) == words


def test_every_strategy_is_explained():
    assert set(EXPLANATIONS) == set(get_args(StrategyName))
