"""keygen.space: which length an id has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keygen.base62 import BASE
from keygen.space import Place, id_at, place_of


@pytest.mark.parametrize(
    ("id_", "place"),
    [
        (0, Place(1, 0)),
        (BASE - 1, Place(1, BASE - 1)),
        (BASE, Place(2, 0)),
        (BASE + BASE**2 - 1, Place(2, BASE**2 - 1)),
        (BASE + BASE**2, Place(3, 0)),
    ],
)
def test_code_grows_by_one_character_when_a_length_is_full(id_, place):
    assert place_of(id_, shortest=1) == place
    assert id_at(place, shortest=1) == id_


@given(st.integers(0, BASE**9), st.integers(1, 7))
def test_id_comes_back_when_its_place_is_looked_up(id_, shortest):
    place = place_of(id_, shortest)
    assert place.length >= shortest
    assert 0 <= place.offset < BASE**place.length
    assert id_at(place, shortest) == id_


def test_id_is_refused_when_it_is_negative():
    with pytest.raises(ValueError, match="never negative"):
        place_of(-1, 7)


@pytest.mark.parametrize("place", [Place(6, 0), Place(7, -1), Place(7, BASE**7)])
def test_place_is_refused_when_no_id_can_be_there(place):
    with pytest.raises(ValueError, match="outside the code space"):
        id_at(place, shortest=7)
