"""What the look-ups come to: medians, and how much longer they take in larger tables."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.benchmark import Findings
from lab.report.charts.lines import Series, line_chart
from lab.report.tables import Table

SIZES: Final = (10_000, 1_000_000)
FULL_SIZES: Final = (*SIZES, 10_000_000)
GOAL: Final = 1.3


@dataclass(frozen=True, slots=True)
class LookUps:
    """Those of one size in one round."""

    round: int
    links: int
    mean_us: float
    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class Size:
    """What so many links take on the disk."""

    links: int
    table_bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """The median round of one size."""

    links: int
    mean_us: float
    p50_us: float
    p99_us: float
    times: float  # p50 beside that of the smallest size in the same round
    table_bytes: float  # per link
    index_bytes: float


@dataclass(frozen=True, slots=True)
class GrowthMeasured:
    """Everything, for the JSON."""

    figures: Sequence[Figure]
    look_ups: Sequence[LookUps]


def describe_growth(sizes: Sequence[Size], look_ups: Sequence[LookUps]) -> Findings:
    """The section's table and chart."""
    figures = [_figure(size, look_ups) for size in sizes]
    medians = [(float(each.links), each.p50_us) for each in figures]
    return Findings(
        title="Look-ups in Postgres by the number of links",
        table=Table(
            ("links", "mean µs", "p50 µs", "p99 µs", "times", "table B/link", "index B/link"),
            [
                (
                    *(each.links, each.mean_us, each.p50_us, each.p99_us, each.times),
                    *(round(each.table_bytes), round(each.index_bytes)),
                )
                for each in figures
            ],
        ),
        notes=[
            f"times: p50 beside that of {SIZES[0]:,} links in the same round.",
            _say_goal(figures[-1]),
        ],
        charts=[
            line_chart(
                "a look-up, by links in the table",
                [Series("p50", medians), Series("", medians, None, "circle")],
                x_label="links",
                y_label="µs",
                log_x=True,
            )
        ],
        measured=GrowthMeasured(figures, look_ups),
    )


def _figure(size: Size, look_ups: Sequence[LookUps]) -> Figure:
    ours = [each for each in look_ups if each.links == size.links]
    base = {each.round: each.p50_us for each in look_ups if each.links == SIZES[0]}
    return Figure(
        links=size.links,
        mean_us=statistics.median(each.mean_us for each in ours),
        p50_us=statistics.median(each.p50_us for each in ours),
        p99_us=statistics.median(each.p99_us for each in ours),
        times=statistics.median(each.p50_us / base[each.round] for each in ours),
        table_bytes=size.table_bytes / size.links,
        index_bytes=size.index_bytes / size.links,
    )


def _say_goal(largest: Figure) -> str:
    goal = f"Goal: at most {GOAL} times at {FULL_SIZES[-1]:,} links"
    if largest.links < FULL_SIZES[-1]:
        return f"{goal}; --full measures it."
    return f"{goal}: {largest.times:.2f}, {'reached' if largest.times <= GOAL else 'missed'}."
