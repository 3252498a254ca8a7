"""Base62 of fixed width: an integer as characters 0-9, A-Z, a-z.

The alphabet is in ASCII order, so codes of one length sort like their numbers (in Postgres:
under COLLATE "C").
"""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE: Final = len(ALPHABET)

# Two characters at a time halve the divisions: this is what makes encode() fast.
_PAIRS: Final = [high + low for high in ALPHABET for low in ALPHABET]
_PAIR_BASE: Final = BASE**2
_DIGITS: Final = {character: value for value, character in enumerate(ALPHABET)}


class InvalidCodeError(ValueError):
    """The text is not a base62 code of the expected length."""


def encode(value: int, length: int = 7) -> str:
    """Write an integer as a code of exactly `length` characters, padded with "0".

    Args:
        value: in [0, 62**length).
        length: number of characters, at least 1.

    Raises:
        ValueError: the value is negative or does not fit.
    """
    if length == 7 and 0 <= value < 3_521_614_606_208:  # 62**7: the usual case, unrolled
        high, low = divmod(value, 14_776_336)  # 62**4
        first, second = divmod(high, 3844)  # 62**2
        return f"{ALPHABET[first]}{_PAIRS[second]}{_PAIRS[low // 3844]}{_PAIRS[low % 3844]}"
    if length < 1 or not 0 <= value < BASE**length:
        raise ValueError(f"{value} does not fit in {length} base62 characters")
    parts: list[str] = []
    for _ in range(length // 2):
        value, pair = divmod(value, _PAIR_BASE)
        parts.append(_PAIRS[pair])
    if length % 2:
        parts.append(ALPHABET[value])
    return "".join(reversed(parts))


def decode(code: str, length: int = 7) -> int:
    """Read a code of exactly `length` characters; the inverse of `encode`.

    Raises:
        InvalidCodeError: another length, or a character outside the alphabet. Nothing is
            trimmed, folded or guessed: one integer has one code.
    """
    if len(code) != length:
        raise InvalidCodeError(f"a code of {length} characters was expected, not {len(code)}")
    value = 0
    for character in code:
        digit = _DIGITS.get(character)
        if digit is None:
            raise InvalidCodeError(f"{character!r} is not a base62 character")
        value = value * BASE + digit
    return value
