"""Medians of the look-ups, and how their time grows with the table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.benchmark import Results, goal_note
from lab.report.charts.lines import Series, line_chart
from lab.report.tables import Table

SIZES: Final = (10_000, 1_000_000)
FULL_SIZES: Final = (*SIZES, 10_000_000)
GOAL: Final = 1.3


@dataclass(frozen=True, slots=True)
class LookUps:
    """The times of one table size in one round."""

    round: int
    links: int
    mean_us: float
    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class TableSize:
    """The disk space of a table with this many links."""

    links: int
    table_bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of the rounds of one table size."""

    links: int
    mean_us: float
    p50_us: float
    p99_us: float
    times: float  # p50 / p50 of the smallest table in the same round
    table_bytes: float  # per link
    index_bytes: float


@dataclass(frozen=True, slots=True)
class GrowthResults:
    """Everything, for bench.json."""

    figures: Sequence[Figure]
    look_ups: Sequence[LookUps]


def describe_growth(sizes: Sequence[TableSize], look_ups: Sequence[LookUps]) -> Results:
    """The table and chart of these look-ups."""
    figures = [_figure(size, look_ups) for size in sizes]
    medians = [(float(each.links), each.p50_us) for each in figures]
    return Results(
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
            f"times: p50 divided by that of {SIZES[0]:,} links in the same round.",
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
        measured=GrowthResults(figures, look_ups),
    )


def _figure(size: TableSize, look_ups: Sequence[LookUps]) -> Figure:
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
    goal = f"at most {GOAL} times at {FULL_SIZES[-1]:,} links"
    if largest.links < FULL_SIZES[-1]:
        return f"Goal: {goal}; --full measures it."
    return goal_note(goal, f"{largest.times:.2f}", met=largest.times <= GOAL)
