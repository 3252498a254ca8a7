"""How long one call takes. Each figure is the best of five runs: the noise only ever adds."""

import timeit
from collections.abc import Callable

RUNS = 5


def print_time(name: str, call: Callable[[], object], number: int = 50_000) -> None:
    """Time a call and print a line of the table."""
    best_s = min(timeit.repeat(call, number=number, repeat=RUNS)) / number
    print(f"{name:<34}{best_s * 1e6:>10.2f} us{1 / best_s:>14,.0f}/s")
