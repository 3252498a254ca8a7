"""All strategies side by side, each in real processes against a real Postgres.

For each strategy, on a database of its own: processes make codes alone, for speed, latency and
round trips; they make links as the service does, for conflicts and duplicates; an attacker guesses;
and some processes are killed, for the ids that this wastes. Counted and timed, never assumed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from db.connect.pool import connection_to, open_pool
from keygen.strategies import StrategyName
from lab.report.progress import OnProgress, Progress
from lab.servers import LabServers
from lab.strategies.comparison.guessing import Attack, attack
from lab.strategies.comparison.result import Figures, latency_us, rate_per_s
from lab.strategies.crashes.crash import measure_strategy
from lab.strategies.makers.maker import Job, Made
from lab.strategies.makers.processes import run_makers

STRATEGIES: Final[tuple[StrategyName, ...]] = get_args(StrategyName)
STEPS: Final = ("codes", "links", "guesses", "crashes")

# Of these alone a code made twice is a fault by itself. The others draw, and let the INSERT decide.
UNIQUE_BY_DESIGN: Final = ("counter", "range", "permuted", "stride", "snowflake")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. Each phase ends after its time limit, however many codes there are by then."""

    strategies: Sequence[StrategyName] = STRATEGIES
    codes: int = 200_000
    processes: int = 4
    length: int = 7
    codes_limit_s: float = 3.0
    links_limit_s: float = 5.0
    seed: int = 62

    def jobs(self, url: str, strategy: StrategyName, limit_s: float) -> list[Job]:
        """One for each process, the codes shared out among them."""
        quotas = [
            self.codes // self.processes + (number < self.codes % self.processes)
            for number in range(self.processes)
        ]
        return [
            Job(url, strategy, self.length, number, quota, limit_s)
            for number, quota in enumerate(quotas)
        ]


def compare_strategies(
    servers: LabServers, plan: Plan, on_progress: OnProgress = lambda _progress: None
) -> list[Figures]:
    """Measure each strategy of the plan.

    Args:
        servers: with a Postgres, on which nobody else works.
        plan: what to run.
        on_progress: called before each step.

    Raises:
        MakerError: a process failed, or did not answer in time.
    """
    found = []
    of = len(plan.strategies) * len(STEPS)
    for place, strategy in enumerate(plan.strategies):

        def tell(step: str, strategy: StrategyName = strategy, place: int = place) -> None:
            done = place * len(STEPS) + STEPS.index(step)
            on_progress(Progress(strategy, step, done, of))

        with servers.fresh_database() as url:
            found.append(_measure(plan, strategy, url, tell))
    return found


def _measure(
    plan: Plan, strategy: StrategyName, url: str, tell: Callable[[str], object]
) -> Figures:
    tell("codes")
    alone = run_makers("codes", plan.jobs(url, strategy, plan.codes_limit_s))
    tell("links")
    linked = run_makers("links", plan.jobs(url, strategy, plan.links_limit_s))
    links = _all_codes(linked)
    duplicates = len(links) - _count_links(url)
    if strategy in UNIQUE_BY_DESIGN:
        both = _all_codes(alone) + links
        duplicates += len(both) - len(set(both))
    tell("guesses")
    attacked = _attack(strategy, alone, linked, plan.seed)
    tell("crashes")
    wasted = measure_strategy(strategy, url, seed=plan.seed)
    return _summarise(
        strategy, alone, linked, duplicates=duplicates, attacked=attacked, wasted=wasted
    )


def _summarise(
    strategy: StrategyName,
    alone: Sequence[Made],
    linked: Sequence[Made],
    *,
    duplicates: int,
    attacked: Attack,
    wasted: float | None,
) -> Figures:
    conflicts = [each for made in linked for each in made.conflicts]
    codes = _all_codes(alone)
    p50_us, p99_us = latency_us(alone)
    return Figures(
        strategy=strategy,
        codes=len(codes),
        codes_per_s=rate_per_s(alone),
        links=len(_all_codes(linked)),
        links_per_s=rate_per_s(linked),
        round_trips_per_code=sum(made.round_trips for made in alone) / len(codes),
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


def _attack(
    strategy: StrategyName, alone: Sequence[Made], linked: Sequence[Made], seed: int
) -> Attack:
    """Guess at what exists: the links, and the codes made alone as if each were a link.

    How close snowflakes lie depends on how fast they were made, and nobody makes links as fast as
    codes alone: of them, the links only.
    """
    codes = set(_all_codes(linked))
    if strategy != "snowflake":
        codes.update(_all_codes(alone))
    return attack(codes, seed=seed)


def _all_codes(made: Sequence[Made]) -> list[str]:
    return [code for each in made for code in each.codes]


def _count_links(url: str) -> int:
    with open_pool(url, name="hop-lab", max_size=1) as pool, connection_to(pool) as connection:
        row = connection.execute("SELECT count(*) FROM links").fetchone()
        return int(row[0]) if row else 0
