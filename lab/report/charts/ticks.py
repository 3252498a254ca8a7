"""Scales of charts: the position of values, ticks, and the format of numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] to [0, 1], linearly or logarithmically."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """The position of a value: 0 at `low`, 1 at `high`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """Round values from `low` to `high`, with labels; about `most` of them."""
        if not self.log:
            return [(value, format_number(value)) for value in self._linear_ticks(most)]
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        step = max(1, math.ceil((last - first + 1) / most))
        exponents = range(first, last + 1, step)
        return [(10.0**exponent, _power_of_ten(exponent)) for exponent in exponents]

    def _linear_ticks(self, most: int) -> list[float]:
        rough = (self.high - self.low) / most
        magnitude = 10.0 ** math.floor(math.log10(rough))
        step = next(magnitude * unit for unit in (1, 2, 5, 10) if magnitude * unit >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [number * step for number in range(first, last + 1)]


def scale_for(values: Iterable[float], *, log: bool) -> Scale:
    """A scale for all values: from 0 or below to a tick, or from one power of ten to another.

    Logarithmic scales leave out values of 0 or less.
    """
    kept = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if log:
        first = math.floor(math.log10(min(kept, default=1)))
        last = math.ceil(math.log10(max(kept, default=10)))
        return Scale(10.0**first, 10.0 ** max(last, first + 1), log=True)
    low, high = min([0.0, *kept]), max([0.0, *kept])
    high = high if high > low else low + 1
    (one, _), (two, _), *_ = Scale(low, high).ticks()
    step = two - one
    return Scale(math.floor(low / step) * step, math.ceil(high / step - 1e-9) * step)


def format_number(value: float) -> str:
    """A short number for axes and bars: `0.125`, `12,500`, `3.52e+12`."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if abs(value) >= 1000 * _MILLION:
        return f"{value:.3g}"
    if abs(value) >= _MILLION:
        return f"{value / _MILLION:.3g}M"
    if abs(value) >= _THOUSAND or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _power_of_ten(exponent: int) -> str:
    plain = {-2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100"}
    return plain.get(exponent, "10" + str(exponent).translate(_SUPERSCRIPTS))
