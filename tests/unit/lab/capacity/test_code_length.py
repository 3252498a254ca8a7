"""lab.capacity.code_length against values computed by hand and by brute force."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.capacity.code_length import (
    DRAWN,
    STRATEGIES,
    estimate,
    expected_guesses,
    expected_retries,
    expected_retries_last,
    shortest_length,
)

# The growth path: 100 million links a day for five years.
INTERNET = {"links_per_day": 100e6, "years": 5}


def test_density_at_internet_scale_is_one_in_nineteen():
    found = estimate("permuted", **INTERNET)
    assert found.links == 182.5e9
    assert found.space == 3_521_614_606_208
    assert 1 / found.density == pytest.approx(19.297, abs=1e-3)
    assert (found.collision_probability, found.retries, found.retries_last) == (0, 0, 0)
    assert found.lasts_years == pytest.approx(96.48, abs=0.01)  # 3.52e12 / 1e8 / 365
    assert found.guesses == pytest.approx(19.297, abs=1e-3)
    assert found.shortest_length == 7  # 62^6 = 5.7e10 is too few


def test_retries_when_drawn_at_internet_scale():
    found = estimate("random", **INTERNET)
    assert found.collision_probability == 1.0
    # d = 0.051823: m (-ln(1 - d) - d) = 3.5216e12 * 0.0013914 = 4.900e9
    assert found.retries == pytest.approx(4.900e9, rel=1e-3)
    assert found.retries_last == pytest.approx(0.051823 / 0.948177, rel=1e-4)
    assert found.shortest_length == 7  # a tenth of 62^7 is 3.5e11


def test_probability_when_drawn_for_a_small_team():
    # 1,000 a day for a year: n^2 / 2m = 1.33e11 / 7.04e12 = 0.01891
    found = estimate("hash", links_per_day=1_000, years=1)
    assert found.collision_probability == pytest.approx(1 - math.exp(-0.018914), rel=1e-3)
    assert found.retries == pytest.approx(0.018914, rel=1e-3)


def test_guesses_when_counted_are_one_at_any_volume():
    assert estimate("range", links_per_day=1, years=1).guesses == 1
    assert estimate("counter", **INTERNET).guesses == 1


def test_snowflake_when_in_seven_characters_is_full_after_a_quarter_of_an_hour():
    found = estimate("snowflake", links_per_day=1_000, years=5)
    # 62^7 / 2^22 = 839,618 ms = 14.0 minutes
    assert found.lasts_years * 365 * 24 * 60 == pytest.approx(13.99, abs=0.01)
    assert found.shortest_length == 10  # five years are 6.6e17 ids; 62^10 = 8.4e17
    assert found.guesses == 86_400  # one link in 86.4 seconds
    long = estimate("snowflake", links_per_day=1_000, years=5, length=11)
    assert long.lasts_years == pytest.approx(69.7, abs=0.1)  # 2^41 ms


def test_estimate_when_links_do_not_fit_is_infinite():
    found = estimate("random", links_per_day=100e6, years=5, length=6)
    assert found.density > 1
    assert found.retries == found.retries_last == math.inf
    assert found.collision_probability == 1
    assert found.shortest_length == 7


def test_alphabet_when_smaller_needs_longer_codes():
    assert shortest_length("counter", 182.5e9, 5, alphabet=10) == 12
    assert shortest_length("counter", 182.5e9, 5, alphabet=36) == 8
    assert shortest_length("random", 62**3 * 0.09, 5) == 3
    assert shortest_length("random", 62**3 * 0.11, 5) == 4


@given(st.integers(2, 300), st.integers(1, 299))
def test_retries_when_summed_one_by_one_lie_between_two_integrals(space, links):
    if links >= space:
        assert expected_retries(links, space) == math.inf
        return
    one_by_one = sum(taken / (space - taken) for taken in range(links))
    slack = 1e-9 * space
    assert expected_retries(links - 1, space) - slack <= one_by_one
    assert one_by_one <= expected_retries(links, space) + slack


def test_retries_last_when_half_is_taken_is_one():
    assert expected_retries_last(51, 100) == pytest.approx(1)


@given(st.integers(1, 40), st.integers(1, 40))
def test_guesses_when_spread_are_the_mean_position_of_the_first_hit(links, rest):
    space = links + rest
    # P(the first g guesses all miss) = C(rest, g) / C(space, g), summed over g.
    mean = sum(math.comb(rest, g) / math.comb(space, g) for g in range(rest + 1))
    assert expected_guesses("permuted", links, space, 1) == pytest.approx(mean)


@given(
    st.sampled_from(STRATEGIES),
    st.floats(0.01, 1e12),
    st.floats(0.01, 100),
    st.integers(2, 64),
    st.integers(1, 11),
)
def test_estimate_of_any_input_is_consistent(strategy, per_day, years, alphabet, length):
    found = estimate(strategy, links_per_day=per_day, years=years, alphabet=alphabet, length=length)
    assert 0 <= found.collision_probability <= 1
    assert found.retries >= 0
    assert found.guesses >= 1
    assert found.lasts_years > 0
    if strategy not in DRAWN and strategy != "snowflake":
        assert (found.shortest_length <= length) == (found.density <= 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": "guess"}, "counter, range"),
        ({"links_per_day": 0}, "links_per_day"),
        ({"years": math.inf}, "years"),
        ({"alphabet": 1}, "alphabet"),
        ({"length": 0}, "code"),
    ],
)
def test_estimate_when_an_argument_is_invalid_raises(change, said):
    with pytest.raises(ValueError, match=said):
        estimate(**{"strategy": "random", "links_per_day": 1, "years": 1} | change)
