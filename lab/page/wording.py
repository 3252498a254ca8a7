"""Numbers as a person says them: 3.5 trillion, 1 in 19, 96 years."""

import math
from typing import Final

_SCALES: Final = (
    (1e18, "quintillion"),
    (1e15, "quadrillion"),
    (1e12, "trillion"),
    (1e9, "billion"),
    (1e6, "million"),
)
_SPANS: Final = ((1.0, "year"), (1 / 12, "month"), (1 / 365, "day"), (1 / 8_760, "hour"))
_SUPERSCRIPTS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def say_count(number: float) -> str:
    """How many: "52,300", "3.5 trillion", a power of ten, "without end" for infinity."""
    if math.isinf(number):
        return "without end"
    number = _round(number)
    if number >= 1e21:
        exponent = math.floor(math.log10(number))
        power = f"10{str(exponent).translate(_SUPERSCRIPTS)}"
        return f"{number / 10**exponent:.1f} \N{MULTIPLICATION SIGN} {power}"
    for size, name in _SCALES:
        if number >= size:
            return f"{_shorten(number / size)} {name}"
    return _shorten(number)


def say_chance(probability: float) -> str:
    """How likely: "none", "1 in 19", "63 %", "certain"."""
    if probability <= 0:
        return "none"
    if probability >= 0.9995:
        return "certain"
    if probability > 0.2:
        return f"{probability:.0%}".replace("%", " %") if probability < 0.99 else "over 99 %"
    return f"1 in {say_count(1 / probability)}"


def say_years(years: float) -> str:
    """How long: "96 years", "18 days", "under an hour"."""
    for size, unit in _SPANS:
        # Below two of a unit the next smaller one says more: 14 months, 36 hours.
        if years >= 2 * size or (unit == "hour" and years >= size):
            number = say_count(years / size)
            return f"{number} {unit}{'' if number == '1' else 's'}"
    return "under an hour"


def _round(number: float) -> float:
    """To three digits."""
    return float(f"{number:.3g}")


def _shorten(number: float) -> str:
    """Two digits and the third where it counts: 3.5, 96, 182.5 becomes 183, 52,300."""
    if number == 0:
        return "0"
    if number < 10:
        return f"{float(f'{number:.2g}'):g}"
    return f"{number:,.0f}"
