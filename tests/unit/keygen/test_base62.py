"""keygen.base62: one integer, one code."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keygen.base62 import ALPHABET, BASE, InvalidCodeError, decode, encode

lengths = st.integers(1, 11)


@st.composite
def numbered_lengths(draw, count=1):
    """Some numbers that fit a length, and the length; the ends of the range come up often."""
    length = draw(lengths)
    number = st.integers(0, BASE**length - 1) | st.sampled_from([0, BASE**length - 1])
    return draw(st.lists(number, min_size=count, max_size=count)), length


def written_by_hand(value: int, length: int) -> str:
    """The definition: digits from the lowest up, padded with the zero of the alphabet."""
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def test_digits_are_in_ascii_order():
    assert string.digits + string.ascii_uppercase + string.ascii_lowercase == ALPHABET


@given(numbered_lengths())
def test_code_is_the_number_in_base_62_at_any_length(case):
    (number,), length = case
    assert encode(number, length) == written_by_hand(number, length)


# Seven characters take a path of their own; Hypothesis would rarely come to each of its digits.
@given(st.integers(0, BASE**7 - 1) | st.sampled_from([BASE**power for power in range(7)]))
def test_code_is_the_number_in_base_62_on_the_fast_path(number):
    assert encode(number) == encode(number, 7) == written_by_hand(number, 7)


@given(numbered_lengths())
def test_decode_gives_the_number_back_when_it_was_encoded(case):
    (number,), length = case
    assert decode(encode(number, length), length) == number


@given(numbered_lengths(count=8))
def test_codes_sort_like_their_numbers_within_a_length(case):
    numbers, length = case
    assert sorted(encode(number, length) for number in numbers) == [
        encode(number, length) for number in sorted(numbers)
    ]


@pytest.mark.parametrize("length", [1, 2, 6, 7, 8])
def test_encode_refuses_a_number_when_it_does_not_fit(length):
    for number in (-1, BASE**length):
        with pytest.raises(ValueError, match="does not fit"):
            encode(number, length)


def test_encode_refuses_a_length_of_nothing():
    with pytest.raises(ValueError, match="does not fit"):
        encode(0, 0)


@pytest.mark.parametrize("code", ["", "123456", "12345678"])
def test_decode_refuses_a_code_when_it_has_another_length(code):
    with pytest.raises(InvalidCodeError, match="7 characters"):
        decode(code)


@pytest.mark.parametrize(
    "foreign",
    [
        *("-", "_", "/", "+", ".", "\0", "é"),
        *(" ", "\t", "\n", "\N{NO-BREAK SPACE}"),
        # What int() or str.isdigit() would take for digits.
        *("\N{ARABIC-INDIC DIGIT THREE}", "\N{FULLWIDTH DIGIT ONE}", "\N{SUPERSCRIPT TWO}"),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_decode_refuses_a_character_when_it_is_not_in_the_alphabet(foreign, place):
    code = "A" * place + foreign + "A" * (6 - place)
    with pytest.raises(InvalidCodeError, match="not a base62 character"):
        decode(code)


def test_decode_keeps_capitals_apart():
    assert decode("aaaaaaa") != decode("AAAAAAA")
