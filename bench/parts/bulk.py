"""Links created in bulk: `Shortener.shorten_many` in one thread of this process."""

import statistics
import time
from dataclasses import dataclass
from typing import Final

from app.links.shorten import MAX_BULK, Shortener
from bench.benchmark import Options, Results, goal_note
from bench.servers.backends import opened_process
from bench.servers.plain_apps import TARGET
from lab.report.charts.bars import bar_chart
from lab.report.tables import Table

SIZES: Final = (1, 10, 100, MAX_BULK)
GOAL_PER_S: Final = 20_000


@dataclass(frozen=True, slots=True)
class BulkRate:
    """The rate of calls of one size in one round."""

    round: int
    size: int
    links: int
    per_s: float


def measure_bulk(options: Options) -> Results:
    """Links per second by the number of links per call.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    with opened_process(range_size=100_000) as process:
        process.shortener.shorten_many([TARGET] * MAX_BULK)  # fetches permutation key and range
        rates = [
            _measure(process.shortener, number, size, options.seconds)
            for number in range(options.rounds)
            for size in SIZES
        ]
    return _describe(rates)


def _measure(shortener: Shortener, number: int, size: int, seconds: int) -> BulkRate:
    targets = [TARGET] * size
    made, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < seconds:
        made += len(shortener.shorten_many(targets))
    return BulkRate(number, size, made, made / (time.perf_counter() - began_s))


def _describe(rates: list[BulkRate]) -> Results:
    per_s = {
        size: statistics.median(rate.per_s for rate in rates if rate.size == size) for size in SIZES
    }
    largest = per_s[MAX_BULK]
    goal = f"{GOAL_PER_S:,} links/s with {MAX_BULK:,} per call"
    return Results(
        title="Links created in bulk, in one thread",
        table=Table(
            ("links per call", "links/s", "ms per call"),
            [(size, round(rate), size / rate * 1_000) for size, rate in per_s.items()],
        ),
        notes=[goal_note(goal, f"{largest:,.0f}", met=largest >= GOAL_PER_S)],
        charts=[bar_chart("links/s by links per call", [(f"{n:,}", r) for n, r in per_s.items()])],
        measured=rates,
    )
