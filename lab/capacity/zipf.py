"""Popularity by Zipf's law: reads of the link of rank i are proportional to 1 / i^s.

Its fit to Web requests, with s from 0.64 to 0.83 at proxies, is measured in Breslau et al., "Web
Caching and Zipf-like Distributions", INFOCOM 1999, https://doi.org/10.1109/INFCOM.1999.749260
"""

import math
from typing import Final

_EXACT: Final = 1_000  # ranks that are summed individually
_STEPS: Final = 2_000  # spans that the other ranks are divided into


def harmonic(n: float, s: float) -> float:
    """The generalised harmonic number: the sum of 1 / i^s for i from 1 to n.

    The first thousand terms are summed, the rest is approximated by the Euler-Maclaurin formula
    with one correction (NIST Digital Library of Mathematical Functions,
    https://dlmf.nist.gov/2.10.E1). The error is below 1e-12.

    Args:
        n: number of terms, at least 0; interpolated between integers.
        s: the exponent, at least 0.
    """
    whole = min(int(n), _EXACT)
    total = sum(math.pow(rank, -s) for rank in range(1, whole + 1))
    if n <= _EXACT:
        return total + (n - whole) * math.pow(whole + 1, -s)
    ends = (math.pow(n, -s) - math.pow(_EXACT, -s)) / 2
    slopes = s * (math.pow(_EXACT, -s - 1) - math.pow(n, -s - 1)) / 12
    return total + _area(n, s) + ends + slopes


def share_of_hottest(hottest: float, links: float, s: float) -> float:
    """The share of all reads that the hottest links get."""
    return harmonic(min(hottest, links), s) / harmonic(links, s)


def hottest_for(hit_rate: float, links: float, s: float) -> int:
    """The number of hottest links that get at least a share of all reads.

    Args:
        hit_rate: the share, 0 to 1.
        links: in total, at least 1.
        s: the exponent.
    """
    low, high = 0, math.ceil(links)  # `high` suffice, `low` do not
    wanted = hit_rate * harmonic(links, s)
    while high - low > 1:
        middle = (low + high) // 2
        if harmonic(min(middle, links), s) >= wanted:
            high = middle
        else:
            low = middle
    return high


def distinct_links(reads: float, links: float, s: float) -> float:
    """The expected number of different links among a number of reads.

    The sum over all ranks of 1 - e^(-reads p), the probability that a link with share p is read at
    all. After the first thousand ranks, the sum is over spans of nearly equal p.
    """
    total = harmonic(links, s)

    def is_read(rank: float) -> float:
        return -math.expm1(-reads * math.pow(rank, -s) / total)

    whole = min(int(links), _EXACT)
    found = sum(is_read(rank) for rank in range(1, whole + 1))
    if links > _EXACT:
        ratio = (links / _EXACT) ** (1 / _STEPS)
        edge = _EXACT + 0.5  # rank 1001 lies in the middle of its span
        for _ in range(_STEPS):
            following = edge * ratio
            found += (following - edge) * is_read(math.sqrt(edge * following))
            edge = following
    return min(found, reads, links)


def _area(n: float, s: float) -> float:
    """The integral of 1 / x^s from _EXACT to n, in a form that is stable near s = 1.

    With t = ln(n / _EXACT) it is _EXACT^(1-s) (e^((1-s)t) - 1) / (1-s); for s = 1 it is t.
    """
    t = math.log(n / _EXACT)
    exponent = (1 - s) * t
    factor = 1.0 if exponent == 0 else math.expm1(exponent) / exponent
    return math.pow(_EXACT, 1 - s) * t * factor
