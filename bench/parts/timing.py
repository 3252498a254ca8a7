"""The time of one call."""

import timeit
from collections.abc import Callable

RUNS = 5


def print_time(name: str, call: Callable[[], object], number: int = 50_000) -> None:
    """Print the time of a call: the mean of the best of five runs, since noise only adds time."""
    best_s = min(timeit.repeat(call, number=number, repeat=RUNS)) / number
    print(f"{name:<34}{best_s * 1e6:>10.2f} us{1 / best_s:>14,.0f}/s")
