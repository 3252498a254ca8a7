"""Links made in bulk, inside one process: `app.links.bulk.shorten_many` on an embedded Postgres."""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.links.bulk import MOST_AT_ONCE, shorten_many
from app.links.shorten import LinkStore
from app.process import open_resources
from app.settings import Settings
from bench.benchmark import Findings, Plan
from bench.servers.plain_apps import TARGET
from lab.report.charts.bars import bar_chart
from lab.report.tables import Table
from lab.servers import lab_servers

SIZES: Final = (1, 10, 100, MOST_AT_ONCE)
GOAL_PER_S: Final = 20_000


@dataclass(frozen=True, slots=True)
class Batch:
    """One round with batches of one size."""

    round: int
    size: int
    links: int
    per_s: float


def measure_bulk(plan: Plan) -> Findings:
    """Links per second for batches of growing size.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as directory, lab_servers() as servers:
        settings = Settings(
            database_url=servers.database_url,
            redis_url=servers.redis_url,
            journal_dir=str(Path(directory, "journal")),
            range_size=100_000,
        )
        resources = open_resources(settings)
        try:
            shorten_many(resources.store, [TARGET] * MOST_AT_ONCE)  # the first range, the key
            batches = [
                _measure(resources.store, number, size, plan.seconds)
                for number in range(plan.rounds)
                for size in SIZES
            ]
        finally:
            resources.close()
    return _describe(batches)


def _measure(store: LinkStore, number: int, size: int, seconds: int) -> Batch:
    targets = [TARGET] * size
    made, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < seconds:
        made += len(shorten_many(store, targets))
    return Batch(number, size, made, made / (time.perf_counter() - began_s))


def _describe(batches: list[Batch]) -> Findings:
    per_s = {
        size: statistics.median(batch.per_s for batch in batches if batch.size == size)
        for size in SIZES
    }
    reached = "reached" if per_s[MOST_AT_ONCE] >= GOAL_PER_S else "missed"
    return Findings(
        title="Links made in bulk, in one thread",
        table=Table(
            ("links at once", "links/s", "ms per call"),
            [(size, round(rate), size / rate * 1_000) for size, rate in per_s.items()],
        ),
        notes=[f"Goal: {GOAL_PER_S:,} links/s with {MOST_AT_ONCE:,} at once: {reached}."],
        charts=[bar_chart("links/s by links at once", [(f"{n:,}", r) for n, r in per_s.items()])],
        measured=batches,
    )
