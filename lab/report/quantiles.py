"""Exact quantiles."""

from collections.abc import Sequence


def quantile(ordered: Sequence[float], permille: int) -> float:
    """The nearest-rank quantile: the smallest value that is not exceeded by `permille` / 1000.

    Args:
        ordered: ascending; the quantile of an empty sequence is 0.
        permille: 1 to 1000; 990 is the 99th percentile.
    """
    return ordered[-(-permille * len(ordered) // 1_000) - 1] if ordered else 0.0
