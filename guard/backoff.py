"""How long to wait before retrying something that failed."""

import random
from typing import Final

_MAX_DOUBLINGS: Final = 30  # far beyond any bound, far below what a float can hold


def backoff_s(failures: int, first_s: float, max_s: float) -> float:
    """A wait that doubles with each failure, with jitter: between half of it and all of it.

    Args:
        failures: in a row, at least 1.
        first_s: the wait after the first failure is up to twice as long, in seconds.
        max_s: upper bound of the wait, in seconds.
    """
    wait_s = min(first_s * 2 ** min(failures, _MAX_DOUBLINGS), max_s)
    return random.uniform(wait_s / 2, wait_s)
