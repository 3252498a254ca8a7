"""The measured result of one strategy."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.report.quantiles import quantile
from lab.strategies.makers.maker import MakerOutput


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """One row of the comparison. Codes are created without links, links with their INSERT."""

    strategy: str
    codes: int
    codes_per_s: float  # of all processes
    links: int
    links_per_s: float
    round_trips_per_code: float  # statements sent to Postgres
    p50_us: float  # latency of a code
    p99_us: float
    collisions: int  # codes that an INSERT refused
    most_retries: int  # of any link
    duplicates: int  # codes given to two links
    length: int  # characters
    wasted_per_crash: float | None  # ids; None: the strategy cannot waste any
    guesses: int
    hits: int
    guessable: float  # hits / guesses
    density: float  # share of the code space in use
    blind: bool  # guesses hit no more often than by chance, within three standard errors


def rate_per_s(outputs: Sequence[MakerOutput]) -> float:
    """Codes or links per second of all processes, from the first start to the last end."""
    elapsed_ns = max(each.ended_ns for each in outputs) - min(each.began_ns for each in outputs)
    return sum(len(each.codes) for each in outputs) * 1e9 / max(elapsed_ns, 1)


def latency_us(outputs: Sequence[MakerOutput]) -> tuple[float, float]:
    """Median and 99th percentile of a code's latency, in microseconds."""
    ordered = sorted(latency for each in outputs for latency in each.latencies_ns)
    return quantile(ordered, 500) / 1_000, quantile(ordered, 990) / 1_000
