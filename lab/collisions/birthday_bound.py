"""How often codes that are drawn at random are equal, by formula."""

import math


def collision_probability(codes: int, space: int) -> float:
    """The probability that some two of n codes, uniform among m, are equal.

    1 - exp(-n (n - 1) / 2m): Feller, "An Introduction to Probability Theory and Its Applications",
    vol. 1, 3rd ed., section II.3; the relative error vanishes as n^3 / m^2 does.

    Args:
        codes: n, at least 0.
        space: m, how many codes there are, at least 1.
    """
    if codes > space:
        return 1.0  # more pigeons than holes
    return -math.expm1(-codes * (codes - 1) / (2 * space))


def expected_collisions(codes: int, space: int) -> float:
    """How many of n codes, uniform among m, are expected to meet one that was made before.

    n - m (1 - (1 - 1/m)^n), that is n less the expected number of different codes (occupied
    boxes): Feller, same volume, section IV.2.

    Args:
        codes: n, at least 0.
        space: m, how many codes there are, at least 2.
    """
    if codes < space * 1e-6:
        # The difference of two numbers this close would be rounding error. First term of the
        # series; the next one is smaller by n / 3m.
        return codes * (codes - 1) / (2 * space)
    return codes + space * math.expm1(codes * math.log1p(-1 / space))
