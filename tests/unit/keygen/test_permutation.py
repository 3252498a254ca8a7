"""keygen.permutation: a bijection, chosen by the key, in which no order shows."""

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keygen.base62 import ALPHABET, BASE, encode
from keygen.permutation import Permutation

# The statistics below are of these keys, so they come out the same at every run.
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
SAMPLE = 20_000
# Of a chi-square with 61 degrees of freedom: mean 61, and above 130 once in a million.
CHI_SQUARE_LIMIT = 130.0


def chi_square(characters: Iterable[str]) -> float:
    """How far the frequencies of the 62 characters are from even."""
    found = Counter(characters)
    expected = found.total() / BASE
    return sum((found[character] - expected) ** 2 / expected for character in ALPHABET)


def worst_column(codes: list[str]) -> float:
    """The chi-square of the position whose characters are least even."""
    return max(chi_square(column) for column in zip(*codes, strict=True))


def test_every_place_is_taken_once_at_length_2():
    permutation = Permutation(KEY, 2)
    places = [permutation.forward(index) for index in range(BASE**2)]
    assert sorted(places) == list(range(BASE**2))
    assert [permutation.backward(place) for place in places] == list(range(BASE**2))


def test_every_place_is_taken_once_at_length_3():
    # An odd length: the halves differ in size.
    permutation = Permutation(KEY, 3)
    assert len({permutation.forward(index) for index in range(BASE**3)}) == BASE**3


@st.composite
def domains(draw):
    length = draw(st.integers(4, 11))
    key = draw(st.binary(min_size=16, max_size=40))
    index = st.integers(0, BASE**length - 1) | st.sampled_from([0, BASE**length - 1])
    return Permutation(key, length), draw(index)


@given(domains())
def test_backward_undoes_forward_at_any_length(domain):
    permutation, index = domain
    place = permutation.forward(index)
    assert 0 <= place < permutation.size
    assert permutation.backward(place) == index


@given(domains())
def test_forward_undoes_backward_at_any_length(domain):
    permutation, place = domain
    assert permutation.forward(permutation.backward(place)) == place


def test_codes_stay_the_same_in_every_release():
    """A change of the algorithm would make new codes meet the old ones."""
    permutation = Permutation(KEY, 7)
    codes = [encode(permutation.forward(index), 7) for index in range(3)]
    assert codes == ["2yLHzIZ", "JmCgVhS", "4vAmrEt"]
    assert encode(Permutation(KEY, 8).forward(0), 8) == "5XoAtT8H"


@pytest.mark.parametrize(
    "other",
    [Permutation(OTHER_KEY, 7), Permutation(KEY[:16], 7), Permutation(KEY, 8)],
    ids=["another key", "a shorter key", "another length"],
)
def test_order_is_unrelated_when_key_or_length_differ(other):
    permutation = Permutation(KEY, 7)
    ours = [permutation.forward(index) / permutation.size for index in range(SAMPLE)]
    theirs = [other.forward(index) / other.size for index in range(SAMPLE)]
    assert abs(statistics.correlation(ours, theirs)) < 4 / math.sqrt(SAMPLE)
    # Not even in the last characters, which a correlation is blind to.
    same = sum(
        permutation.forward(index) % BASE**2 == other.forward(index) % BASE**2
        for index in range(SAMPLE)
    )
    assert same < 4 * SAMPLE / BASE**2


@pytest.mark.parametrize("length", [7, 8])
def test_every_character_is_even_when_ids_count_up(length):
    permutation = Permutation(KEY, length)
    codes = [encode(permutation.forward(index), length) for index in range(SAMPLE)]
    assert worst_column(codes) < CHI_SQUARE_LIMIT


# Neighbours share the left half of the number, ids that lie 62**3 apart the right half: with
# fewer than four rounds, one or the other keeps its distance.
@pytest.mark.parametrize("stride", [1, BASE**3])
def test_distance_between_codes_is_even_when_ids_are_evenly_spaced(stride):
    permutation = Permutation(KEY, 7)
    places = [permutation.forward(index * stride) for index in range(SAMPLE)]
    steps = [
        encode((after - before) % permutation.size, 7)
        for before, after in itertools.pairwise(places)
    ]
    assert worst_column(steps) < CHI_SQUARE_LIMIT


def test_place_does_not_follow_from_the_one_before():
    permutation = Permutation(KEY, 7)
    places = [permutation.forward(index) / permutation.size for index in range(SAMPLE + 1)]
    # Four standard errors of the correlation of unrelated numbers.
    assert abs(statistics.correlation(places[:-1], places[1:])) < 4 / math.sqrt(SAMPLE)


@pytest.mark.parametrize("index", [-1, BASE**7])
def test_number_is_refused_when_it_lies_outside(index):
    permutation = Permutation(KEY, 7)
    with pytest.raises(ValueError, match="outside"):
        permutation.forward(index)
    with pytest.raises(ValueError, match="outside"):
        permutation.backward(index)


def test_key_is_refused_when_it_can_be_guessed():
    with pytest.raises(ValueError, match="16 bytes"):
        Permutation(b"x" * 15, 7)


@pytest.mark.parametrize("length", [0, 1, 12, 64])
def test_length_is_refused_when_the_network_cannot_hold_it(length):
    with pytest.raises(ValueError, match="characters"):
        Permutation(KEY, length)
