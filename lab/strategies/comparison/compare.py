"""Compares all strategies in real processes on a real Postgres.

For each strategy, on a database of its own: makers create codes, for speed, latency and round
trips; they create links, for conflicts and duplicates; an attacker guesses codes; and some makers
are killed, for the ids that this wastes.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from db.connect.pool import connection_to, open_pool
from keygen.strategies import StrategyName
from lab.report.progress import OnProgress, Progress
from lab.servers import LabServers
from lab.strategies.comparison.guessing import Attack, attack
from lab.strategies.comparison.result import StrategyResult, latency_us, rate_per_s
from lab.strategies.crashes.crash import measure_strategy
from lab.strategies.makers.maker import Maker, MakerOutput, MakerTask
from lab.strategies.makers.processes import run_makers

STRATEGIES: Final[tuple[StrategyName, ...]] = get_args(StrategyName)
STEPS: Final = ("codes", "links", "guesses", "crashes")

# Their codes are unique even before the INSERT. The other strategies draw codes and may repeat one.
UNIQUE_BY_DESIGN: Final = ("counter", "range", "permuted", "stride", "snowflake")


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """What to compare. A phase ends at its time limit, even with fewer codes."""

    strategies: Sequence[StrategyName] = STRATEGIES
    codes: int = 200_000
    processes: int = 4
    length: int = 7
    codes_limit_s: float = 3.0
    links_limit_s: float = 5.0
    seed: int = 62

    def tasks(self, url: str, strategy: StrategyName, limit_s: float) -> list[MakerTask]:
        """One task per process; together they create `codes` codes."""
        return [
            MakerTask(
                database_url=url,
                strategy=strategy,
                length=self.length,
                number=number,
                quota=self.codes // self.processes + (number < self.codes % self.processes),
                limit_s=limit_s,
            )
            for number in range(self.processes)
        ]


def compare_strategies(
    servers: LabServers,
    settings: ComparisonSettings,
    on_progress: OnProgress = lambda _progress: None,
) -> list[StrategyResult]:
    """Measure each strategy.

    Args:
        servers: with a Postgres that nobody else uses.
        settings: what to compare.
        on_progress: called before each step.

    Raises:
        MakerError: a process failed, or did not finish in time.
    """
    results = []
    done, of = itertools.count(), len(settings.strategies) * len(STEPS)
    for strategy in settings.strategies:

        def tell(step: str, strategy: StrategyName = strategy) -> None:
            on_progress(Progress(strategy, step, next(done), of))

        with servers.fresh_database() as url:
            results.append(_measure(settings, strategy, url, tell))
    return results


def _measure(
    settings: ComparisonSettings, strategy: StrategyName, url: str, tell: Callable[[str], object]
) -> StrategyResult:
    tell("codes")
    tasks = settings.tasks(url, strategy, settings.codes_limit_s)
    code_outputs = run_makers(Maker.make_codes, tasks)
    tell("links")
    tasks = settings.tasks(url, strategy, settings.links_limit_s)
    link_outputs = run_makers(Maker.make_links, tasks)
    codes, link_codes = _all_codes(code_outputs), _all_codes(link_outputs)
    duplicates = _count_duplicates(strategy, codes, link_codes, url)
    tell("guesses")
    attacked = _attack(strategy, codes, link_codes, settings.seed)
    tell("crashes")
    wasted = measure_strategy(strategy, url, seed=settings.seed)
    conflicts = [each for output in link_outputs for each in output.conflicts]
    p50_us, p99_us = latency_us(code_outputs)
    return StrategyResult(
        strategy=strategy,
        codes=len(codes),
        codes_per_s=rate_per_s(code_outputs),
        links=len(link_codes),
        links_per_s=rate_per_s(link_outputs),
        round_trips_per_code=sum(each.round_trips for each in code_outputs) / len(codes),
        p50_us=p50_us,
        p99_us=p99_us,
        collisions=sum(conflicts),
        most_retries=max(conflicts, default=0),
        duplicates=duplicates,
        length=max(map(len, codes)),
        wasted_per_crash=wasted,
        guesses=attacked.guesses,
        hits=attacked.hits,
        guessable=attacked.share,
        density=attacked.density,
        blind=attacked.is_blind,
    )


def _count_duplicates(
    strategy: StrategyName, codes: Sequence[str], link_codes: Sequence[str], url: str
) -> int:
    duplicates = len(link_codes) - _count_links(url)
    if strategy in UNIQUE_BY_DESIGN:
        both = [*codes, *link_codes]
        duplicates += len(both) - len(set(both))
    return duplicates


def _attack(
    strategy: StrategyName, codes: Sequence[str], link_codes: Sequence[str], seed: int
) -> Attack:
    """Guess codes of links, and codes created without links as if each were a link.

    For snowflakes, only links count: how close snowflakes lie depends on the rate at which they
    are created, and no service creates links as fast as codes alone.
    """
    targets = set(link_codes)
    if strategy != "snowflake":
        targets.update(codes)
    return attack(targets, seed=seed)


def _all_codes(outputs: Sequence[MakerOutput]) -> list[str]:
    return [code for each in outputs for code in each.codes]


def _count_links(url: str) -> int:
    with open_pool(url, name="hop-lab", max_size=1) as pool, connection_to(pool) as connection:
        row = connection.execute("SELECT count(*) FROM links").fetchone()
        return int(row[0]) if row else 0
