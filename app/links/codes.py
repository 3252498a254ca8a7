"""The strategy that HOP_KEYGEN names, wired to the database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from app.settings import Settings
from db.codes.code_pool import StoredCodePool
from db.codes.counters import COUNTER, STRIDES, SequenceCounter
from db.codes.ranges import IdRanges
from db.codes.snowflake_workers import WorkerIdLeases
from db.codes.strategies import StrategyUse, record_strategy
from db.connect.pool import Pool
from keygen.ranges import RangeAllocator
from keygen.strategies import Strategy
from keygen.strategies.counter import Counted
from keygen.strategies.hash import Hashed
from keygen.strategies.permuted import Permuted
from keygen.strategies.pool import Pooled
from keygen.strategies.random import Randomised
from keygen.strategies.range import Ranged
from keygen.strategies.snowflake import Snowflake
from keygen.strategies.stride import Strided

SHORTEST = 7  # characters: 62**7 codes are 19 times what five years at internet scale use


@dataclass(frozen=True, slots=True)
class CodeSource:
    """A strategy, and what stops its background work."""

    strategy: Strategy
    close: Callable[[], None] = lambda: None


def open_strategy(  # noqa: PLR0911 - one for each strategy
    settings: Settings, pool: Pool, shortest: int = SHORTEST
) -> CodeSource:
    """Open the strategy of this process, after fork. The first code asks the database.

    Args:
        settings: `keygen` names the strategy; `range_size` and its bounds are for ranges.
        pool: the database. Close the returned source before it.
        shortest: characters of the shortest codes, at least 2. A snowflake always has 11.
    """
    match settings.keygen:
        case "counter":
            return CodeSource(Counted(SequenceCounter(pool, COUNTER), shortest))
        case "range":
            allocator = _open_allocator(settings, pool)
            return CodeSource(Ranged(allocator, shortest), allocator.close)
        case "permuted":
            allocator = _open_allocator(settings, pool)
            read_key = IdRanges(pool).permutation_key
            return CodeSource(Permuted(allocator, read_key, shortest), allocator.close)
        case "stride":
            counters = [SequenceCounter(pool, sequence) for sequence in STRIDES]
            return CodeSource(Strided(counters, shortest))
        case "random":
            return CodeSource(Randomised(shortest))
        case "hash":
            return CodeSource(Hashed(shortest))
        case "pool":
            pooled = Pooled(StoredCodePool(pool), shortest=shortest)
            return CodeSource(pooled, pooled.close)
        case "snowflake":
            return CodeSource(Snowflake(WorkerIdLeases(pool)))
        case _:
            assert_never(settings.keygen)


def _open_allocator(settings: Settings, pool: Pool) -> RangeAllocator:
    return RangeAllocator(
        IdRanges(pool),
        settings.range_size,
        min_size=settings.range_size_min,
        max_size=settings.range_size_max,
    )


def note_strategy(settings: Settings, pool: Pool) -> str | None:
    """Record which strategy makes codes from now on.

    Returns:
        What a change means, in one line for people; None if nothing has changed.

    Raises:
        DatabaseUnavailableError: Postgres is away; nothing was recorded.
    """
    fingerprint = IdRanges(pool).key_fingerprint() if settings.keygen == "permuted" else None
    before = record_strategy(pool, settings.keygen, fingerprint)
    return None if before is None else _describe_change(before, settings.keygen)


def _describe_change(before: StrategyUse, strategy: str) -> str:
    if before.strategy == strategy:
        what = f"the permutation key is not the one that was in use since {before.since:%F}"
    else:
        what = (
            f"codes were made by HOP_KEYGEN={before.strategy} since {before.since:%F}, and are made"
            f" by HOP_KEYGEN={strategy} from now on"
        )
    return f"{what}. Existing links are untouched; a new code that meets an old one is skipped."
