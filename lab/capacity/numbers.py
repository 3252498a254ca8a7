"""Reading and writing numbers with units, for people."""

import math
import re
from typing import Final

_FACTORS: Final = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_NUMBER: Final = re.compile(r"(\d[\d_,]*(?:\.\d+)?(?:e[+-]?\d+)?)\s*([kmbgt]?)", re.IGNORECASE)
_UNITS: Final = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def parse_number(text: str) -> float:
    """Parse "100M", "5k", "1_000", "1,000" or "2.5e6"; k, M, B or G, and T are powers of 1,000.

    Raises:
        ValueError: the text is not such a number.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a number; write 100M, 5k, 1_000 or 2.5")
    number = float(re.sub(r"[_,]", "", found[1])) * _FACTORS[found[2].lower()]
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is too large")
    return number


def say_number(number: float) -> str:
    """All digits of whole or large numbers, else three digits: 100,000,000; 1,157; 0.0116."""
    in_full = number < 1e15 and (number >= 1_000 or number == int(number))
    return f"{number:,.0f}" if in_full else f"{number:.3g}"


def say_rate(per_s: float) -> str:
    """A rate per second: 1,157/s."""
    return f"{say_number(per_s)}/s"


def say_bytes(size: float) -> str:
    """Bytes in powers of 1,000: 18.2 TB."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.3g} B"


def say_share(share: float) -> str:
    """A share as a percentage: 74.3 %."""
    return f"{share * 100:.3g} %"
