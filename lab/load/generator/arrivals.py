"""When requests are due."""

from collections.abc import Iterator
from random import Random

from lab.load.plan import Spacing


def arrival_times(begin_s: float, rate: float, spacing: Spacing, rng: Random) -> Iterator[float]:
    """Moments at which requests are due, without end.

    Independent visitors arrive as a Poisson process: with exponential gaps, so that some requests
    come in bunches. Even spacing is gentler on the server.

    Args:
        begin_s: nothing is due earlier; on any clock.
        rate: arrivals per second, on average.
        spacing: "poisson" or "even".
        rng: the source of randomness.
    """
    gap_s = 1 / rate
    due_s = begin_s + rng.uniform(0, gap_s) if spacing == "even" else begin_s
    while True:
        # Counted from the last due time, not from now: a late request delays no other.
        if spacing == "poisson":
            due_s += rng.expovariate(rate)
            yield due_s
        else:
            yield due_s
            due_s += gap_s
