"""What a crash wastes, by the size of ranges: processes are killed at random moments.

In hand at a random moment is the rest of the present range, and a whole standby range from the
moment on at which 20 % are left (`keygen.ranges.PREFETCH_SHARE`). So the share of a range that a
crash wastes lies anywhere between 0.2 and 1.2 with equal probability: 0.7 on average, with a
standard deviation of 1 / √12 = 0.29.
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
from lab.strategies.makers.code_files import measure_waste

RANGE_SIZES: Final = (100, 1_000, 10_000, 100_000)
KILLS: Final = 8
EXPECTED_SHARE: Final = PREFETCH_SHARE + 0.5
DEVIATION: Final = 1 / math.sqrt(12)
# A small range would last less than its successor takes to come, which no service would choose: a
# process with one is slowed down to some thousand codes a second.
_SMALL: Final = 10_000
_PAUSE_S: Final = 1e-4

# For the comparison of strategies. Ranges have the service's first size, which they keep while it
# makes fewer than 160 codes a second; at full speed they would grow to sizes that nobody meets.
STRATEGY_RANGE_SIZE: Final = 10_000
STRATEGY_KILLS: Final = 4
GRANTED_NOTHING: Final = ("random", "hash", "snowflake")
_CODES_WITHOUT_RANGES: Final = 500  # at most, before such a process is killed


@dataclass(frozen=True, slots=True)
class Waste:
    """What crashes wasted with one size of ranges, in ids per crash."""

    range_size: int
    kills: int
    least: int
    mean: float
    most: int
    expected: float
    expected_error: float  # standard error of a mean over so many kills

    @property
    def agrees(self) -> bool:
        """Whether the mean lies within three standard errors of what is expected."""
        return abs(self.mean - self.expected) <= 3 * self.expected_error


def measure_crashes(
    servers: LabServers,
    *,
    range_sizes: Sequence[int] = RANGE_SIZES,
    kills: int = KILLS,
    seed: int,
    on_progress: Callable[[int], object] = lambda _kills: None,
) -> list[Waste]:
    """Kill processes with ranges of each size.

    Args:
        servers: with a Postgres; gets a database for each size.
        range_sizes: ids per range, which does not grow here.
        kills: processes to kill per size.
        seed: of the moments at which they are.
        on_progress: called after each kill, with 1.

    Raises:
        MakerError: a process makes no codes.
    """
    chance = random.Random(seed)
    found = []
    for size in range_sizes:
        moments = [chance.randint(1, 2 * size) for _ in range(kills)]  # of the first two ranges
        with servers.fresh_database() as url:
            wasted = _kill_some(_fixed_ranges(url, size), moments, on_progress)
        found.append(_summarise(size, wasted))
    return found


def measure_strategy(strategy: StrategyName, url: str, *, seed: int) -> float | None:
    """Ids or codes that a strategy wastes per crash: the mean of a few kills.

    Args:
        strategy: ranges have `STRATEGY_RANGE_SIZE` ids.
        url: of a migrated database in which nobody else makes codes meanwhile.
        seed: of the moments of the kills.

    Returns:
        None for strategies to which nothing is granted before a code is asked for.

    Raises:
        MakerError: a process makes no codes.
    """
    if strategy in GRANTED_NOTHING:
        return None
    settings = _fixed_ranges(url, STRATEGY_RANGE_SIZE, strategy)
    most = 2 * STRATEGY_RANGE_SIZE if strategy in {"range", "permuted"} else _CODES_WITHOUT_RANGES
    chance = random.Random(seed)
    return fmean(_kill_some(settings, [chance.randint(1, most) for _ in range(STRATEGY_KILLS)]))


def _kill_some(
    settings: Settings,
    moments: Sequence[int],
    on_progress: Callable[[int], object] = lambda _kills: None,
) -> list[int]:
    """Kill a process after each of so many codes; returns what that wasted."""
    pause_s = _PAUSE_S if settings.range_size < _SMALL else 0
    wasted = []
    with open_pool(settings.database_url, name="hop-lab", max_size=1) as pool:
        for after in moments:
            with tempfile.TemporaryDirectory(prefix="hop-lab-") as folder:
                wasted.append(
                    measure_waste(pool, settings, Path(folder), kill_after=after, pause_s=pause_s)
                )
            on_progress(1)
    return wasted


def _fixed_ranges(url: str, size: int, strategy: StrategyName = "permuted") -> Settings:
    """Settings with ranges of one size, which does not follow the demand."""
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
