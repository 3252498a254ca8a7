"""How long to wait before something that failed is tried again."""

import random
from typing import Final

# Far beyond any bound, and far below what a float can hold: an outage may last for weeks.
_MOST_DOUBLINGS: Final = 30


def backoff_s(failures: int, first_s: float, longest_s: float) -> float:
    """A wait that doubles with each failure, with jitter: half of it to all of it, at random.

    Args:
        failures: in a row, at least 1.
        first_s: seconds before the first try; the wait after a failure is up to twice as long.
        longest_s: the bound.
    """
    longest = min(first_s * 2 ** min(failures, _MOST_DOUBLINGS), longest_s)
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter
