"""The figures of one strategy, and how they come from what its processes wrote down."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.strategies.makers.maker import Made


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the comparison. Codes are made alone unless it says links."""

    strategy: str
    codes: int
    codes_per_s: float  # over all processes
    links: int
    links_per_s: float  # code and INSERT
    round_trips_per_code: float  # statements sent to Postgres, INSERTs not among them
    p50_us: float  # of the time that a code takes
    p99_us: float
    collisions: int  # codes that the INSERT refused
    most_retries: int  # of any one link
    duplicates: int  # codes that two links believe to be theirs
    length: int  # characters
    wasted_per_crash: float | None  # ids; None: there are none to waste
    guesses: int
    hits: int
    guessable: float  # hits / guesses
    density: float  # share of all codes of this length that are in use
    blind: bool  # no more hits than blind guesses have, within three standard errors


def rate_per_s(made: Sequence[Made]) -> float:
    """Codes or links per second of all processes together, from first to last."""
    elapsed_ns = max(each.ended_ns for each in made) - min(each.began_ns for each in made)
    return sum(len(each.codes) for each in made) * 1e9 / max(elapsed_ns, 1)


def latency_us(made: Sequence[Made]) -> tuple[float, float]:
    """Median and 99th percentile of what one code takes, in microseconds."""
    ordered = sorted(latency for each in made for latency in each.latencies_ns)
    return percentile(ordered, 50) / 1_000, percentile(ordered, 99) / 1_000


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile: the smallest value that so many percent do not exceed.

    Args:
        ordered: ascending, at least one.
        percent: 1 to 100.
    """
    rank = -(-percent * len(ordered) // 100)  # rounded up
    return ordered[rank - 1]
