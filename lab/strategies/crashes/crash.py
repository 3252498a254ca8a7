"""Ids that crashes waste, by the size of ranges: makers are killed at random moments.

A process holds the rest of its range and, once only 20 % of that is left, a whole standby range
(`keygen.ranges.PREFETCH_SHARE`). At a random moment that is between 0.2 and 1.2 ranges, with equal
probability: 0.7 on average, with a standard deviation of 1 / √12 = 0.29.
"""

import math
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from app.settings import Settings
from db.connect.pool import open_pool
from keygen.ranges import PREFETCH_SHARE
from keygen.strategies import StrategyName
from lab.servers import LabServers
from lab.strategies.crashes.wasted_ids import measure_waste

RANGE_SIZES: Final = (100, 1_000, 10_000, 100_000)
KILLS: Final = 8
EXPECTED_SHARE: Final = PREFETCH_SHARE + 0.5
DEVIATION: Final = 1 / math.sqrt(12)
# At full speed a smaller range would be used up before the next one arrives, which no service would
# choose: these makers are slowed down to some thousand codes per second.
_SMALL: Final = 10_000
_PAUSE_S: Final = 1e-4

# In the comparison of strategies, ranges keep the size that they have below 160 codes per second.
# At full speed they would grow to sizes that no service needs.
STRATEGY_RANGE_SIZE: Final = 10_000
STRATEGY_KILLS: Final = 4
WITHOUT_GRANTS: Final = ("random", "hash", "snowflake")
_MOST_CODES_WITHOUT_RANGES: Final = 500  # before the kill


@dataclass(frozen=True, slots=True)
class Waste:
    """Wasted ids per crash, for one size of ranges."""

    range_size: int
    kills: int
    least: int
    mean: float
    most: int
    expected: float
    expected_error: float  # standard error of a mean over these kills

    @property
    def agrees(self) -> bool:
        """Whether the mean lies within three standard errors of the expectation."""
        return abs(self.mean - self.expected) <= 3 * self.expected_error


def measure_crashes(
    servers: LabServers,
    *,
    range_sizes: Sequence[int] = RANGE_SIZES,
    kills: int = KILLS,
    seed: int,
    on_progress: Callable[[int], object] = lambda _kills: None,
) -> list[Waste]:
    """Kill makers with ranges of each size.

    Args:
        servers: with a Postgres; each size gets a new database.
        range_sizes: ids per range, which stay as they are.
        kills: makers to kill per size.
        seed: of the moments of the kills.
        on_progress: called after each kill, with 1.

    Raises:
        MakerError: a process creates no codes.
    """
    rng = random.Random(seed)
    results = []
    for size in range_sizes:
        moments = [rng.randint(1, 2 * size) for _ in range(kills)]  # in the first two ranges
        with servers.fresh_database() as url:
            wasted = _kill_makers(_fixed_ranges(url, size), moments, on_progress)
        results.append(_summarise(size, wasted))
    return results


def measure_strategy(strategy: StrategyName, url: str, *, seed: int) -> float | None:
    """Ids or codes that a strategy wastes per crash: the mean over some kills.

    Args:
        strategy: ranges have `STRATEGY_RANGE_SIZE` ids.
        url: of a migrated database in which no other process creates codes.
        seed: of the moments of the kills.

    Returns:
        None for strategies that get neither ids nor codes from the database.

    Raises:
        MakerError: a process creates no codes.
    """
    if strategy in WITHOUT_GRANTS:
        return None
    has_ranges = strategy in {"range", "permuted"}
    most = 2 * STRATEGY_RANGE_SIZE if has_ranges else _MOST_CODES_WITHOUT_RANGES
    rng = random.Random(seed)
    moments = [rng.randint(1, most) for _ in range(STRATEGY_KILLS)]
    return fmean(_kill_makers(_fixed_ranges(url, STRATEGY_RANGE_SIZE, strategy), moments))


def _kill_makers(
    settings: Settings,
    moments: Sequence[int],
    on_progress: Callable[[int], object] = lambda _kills: None,
) -> list[int]:
    """Kill a maker after each of these numbers of codes; returns the ids that each wasted."""
    pause_s = _PAUSE_S if settings.range_size < _SMALL else 0
    wasted = []
    with open_pool(settings.database_url, name="hop-lab", max_size=1) as pool:
        for kill_after in moments:
            with tempfile.TemporaryDirectory(prefix="hop-lab-") as folder:
                wasted.append(
                    measure_waste(
                        pool, settings, Path(folder), kill_after=kill_after, pause_s=pause_s
                    )
                )
            on_progress(1)
    return wasted


def _fixed_ranges(url: str, size: int, strategy: StrategyName = "permuted") -> Settings:
    return Settings(
        database_url=url,
        redis_url="",
        keygen=strategy,
        range_size=size,
        range_size_min=size,
        range_size_max=size,
    )


def _summarise(size: int, wasted: Sequence[int]) -> Waste:
    return Waste(
        range_size=size,
        kills=len(wasted),
        least=min(wasted),
        mean=fmean(wasted),
        most=max(wasted),
        expected=EXPECTED_SHARE * size,
        expected_error=DEVIATION * size / math.sqrt(len(wasted)),
    )
