"""Formulas for collisions among codes drawn at random."""

import math


def collision_probability(codes: int, space: int) -> float:
    """The probability that any two of n codes are equal, if each is uniform among m.

    1 - exp(-n (n - 1) / 2m): Feller, "An Introduction to Probability Theory and Its Applications",
    vol. 1, 3rd ed., section II.3. The relative error is of the order of n^3 / m^2.

    Args:
        codes: n, at least 0.
        space: m, the size of the code space, at least 1.
    """
    if codes > space:
        return 1.0  # pigeonhole principle
    return -math.expm1(-codes * (codes - 1) / (2 * space))


def expected_collisions(codes: int, space: int) -> float:
    """The expected number of n codes that equal an earlier one, if each is uniform among m.

    n - m (1 - (1 - 1/m)^n): n minus the expected number of different codes (occupied boxes).
    Feller, same volume, section IV.2.

    Args:
        codes: n, at least 0.
        space: m, the size of the code space, at least 2.
    """
    if codes < space * 1e-6:
        # The difference of two numbers this close would be rounding error. This is the first term
        # of the series; the next one is smaller by a factor of n / 3m.
        return codes * (codes - 1) / (2 * space)
    return codes + space * math.expm1(codes * math.log1p(-1 / space))
