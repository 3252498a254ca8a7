"""Parses and formats numbers with units."""

import math
import re
from typing import Final

from lab.report.charts.ticks import power_of_ten

_FACTORS: Final = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_NUMBER: Final = re.compile(r"(\d[\d_,]*(?:\.\d+)?(?:e[+-]?\d+)?)\s*([kmbgt]?)", re.IGNORECASE)
_SCALES: Final = (
    *((1e18, "quintillion"), (1e15, "quadrillion"), (1e12, "trillion")),
    *((1e9, "billion"), (1e6, "million")),
)
_SPANS: Final = ((1.0, "year"), (1 / 12, "month"), (1 / 365, "day"), (1 / 8_760, "hour"))
_UNITS: Final = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def parse_number(text: str) -> float:
    """Parse a number such as "100M", "5k", "1_000", "1,000" or "2.5e6".

    The suffixes k, M, B or G, and T are powers of 1,000, in either case.

    Raises:
        ValueError: the text is not a number, or not finite.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a number; write 100M, 5k, 1_000 or 2.5")
    number = float(re.sub(r"[_,]", "", found[1])) * _FACTORS[found[2].lower()]
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is too large")
    return number


def say_number(number: float) -> str:
    """All digits of integers and of numbers from 1,000, else three: 100,000,000; 1,157; 0.0116.

    From 1e15 on in scientific notation with three digits.
    """
    in_full = number < 1e15 and (number >= 1_000 or number == int(number))
    return f"{number:,.0f}" if in_full else f"{number:.3g}"


def say_rate(per_s: float) -> str:
    """A rate such as 1,157/s."""
    return f"{say_number(per_s)}/s"


def say_bytes(size: float) -> str:
    """A size in bytes, in units that are powers of 1,000, such as 18.2 TB."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.3g} B"


def say_share(share: float) -> str:
    """A share in [0, 1] as a percentage with three digits, such as 74.3 %."""
    return f"{share * 100:.3g} %"


def say_count(number: float) -> str:
    """At most three digits, with a word or power of ten: 52,300; 3.5 trillion; "infinite"."""
    if math.isinf(number):
        return "infinite"
    number = float(f"{number:.3g}")
    if number >= 1e21:  # few readers know the names of larger numbers
        exponent = math.floor(math.log10(number))
        return f"{number / 10**exponent:.1f} \N{MULTIPLICATION SIGN} {power_of_ten(exponent)}"
    for size, name in _SCALES:
        if number >= size:
            return f"{_shorten(number / size)} {name}"
    return _shorten(number)


def say_chance(probability: float) -> str:
    """A probability in words: "none", "1 in 19", "63 %", "certain"."""
    if probability <= 0:
        return "none"
    if probability >= 0.9995:
        return "certain"
    if probability >= 0.99:
        return "over 99 %"
    if probability > 0.2:  # "33 %" is clearer than "1 in 3"
        return f"{probability * 100:.0f} %"
    return f"1 in {say_count(1 / probability)}"


def say_years(years: float) -> str:
    """A time span in a suitable unit: "96 years", "18 months", "under an hour"."""
    for size, unit in _SPANS:
        # Below two of a unit, the next smaller one is more precise: 14 months, 36 hours.
        if years >= 2 * size or (unit == "hour" and years >= size):
            number = say_count(years / size)
            return f"{number} {unit}{'' if number == '1' else 's'}"
    return "under an hour"


def _shorten(number: float) -> str:
    """Two significant digits below ten, else a whole number: 3.5; 96; 183."""
    return f"{float(f'{number:.2g}'):g}" if number < 10 else f"{number:,.0f}"
