"""Where a code comes from: the strategy that made it, its id, and the holder of that id."""

from datetime import UTC, datetime
from typing import assert_never, cast

import msgspec

from app.links.codes import SHORTEST
from db.codes.counters import COUNTER, STRIDES, SequenceCounter
from db.codes.ranges import Grant, IdRanges
from db.codes.snowflake_workers import WorkerIdLeases
from db.codes.strategies import PASSED_OVER, StrategyUse, read_strategies
from db.connect.pool import Pool
from db.links import Link, find_link
from keygen.base62 import decode
from keygen.ranges import RangeAllocator
from keygen.space import ATTEMPTS_PER_LENGTH, plain_id
from keygen.strategies import StrategyName
from keygen.strategies.hash import Hashed
from keygen.strategies.permuted import Permuted
from keygen.strategies.snowflake import LENGTH, Parts, split_code


class Traced(msgspec.Struct, kw_only=True):
    """What a code tells about its origin; None for what its strategy does not tell."""

    id: int | None = None
    grant: Grant | None = None
    moment: datetime | None = None
    worker: int | None = None
    sequence: int | None = None
    attempt: int | None = None  # which salt of its target's hash


class Origin(msgspec.Struct, kw_only=True):
    """The origin of a code, as far as it is known."""

    code: str
    target_url: str | None  # None if no link has this code
    created_at: datetime | None
    strategy: StrategyName
    in_use_since: datetime | None  # None if the caller named the strategy, or none is recorded
    mismatch: str | None = None  # why the code cannot be from this strategy
    traced: Traced | None = None


class NotFromStrategyError(ValueError):
    """The code cannot be from the strategy; the message says why."""


def trace_code(pool: Pool, code: str, strategy: StrategyName | None = None) -> Origin:
    """Trace a code to its origin.

    Args:
        pool: the database whose code it is.
        code: any text.
        strategy: read the code as one of this strategy's; None for the strategy in use when its
            link was created, or in use now if no link has this code.

    Raises:
        DatabaseUnavailableError: Postgres is away.
    """
    link = find_link(pool, code)
    use = _find_use(pool, link) if strategy is None else None
    origin = Origin(
        code=code,
        target_url=link.target_url if link else None,
        created_at=link.created_at if link else None,
        strategy=strategy or (cast("StrategyName", use.strategy) if use else "permuted"),
        in_use_since=use.since if use else None,
    )
    try:
        _check_key(pool, use)
        origin.traced = _trace(pool, code, origin.strategy, link)
    except ValueError as error:
        origin.mismatch = str(error)
    return origin


def _find_use(pool: Pool, link: Link | None) -> StrategyUse | None:
    uses = read_strategies(pool)
    if link is not None:
        uses = [use for use in uses if use.since <= link.created_at] or uses[:1]
    return uses[-1] if uses else None


def _check_key(pool: Pool, use: StrategyUse | None) -> None:
    if use and use.key_fingerprint not in {None, IdRanges(pool).key_fingerprint()}:
        raise NotFromStrategyError("the permutation key has changed, so its id cannot be read")


def _trace(pool: Pool, code: str, strategy: StrategyName, link: Link | None) -> Traced:
    shortest = LENGTH if strategy == "snowflake" else SHORTEST
    if len(code) < shortest:
        raise NotFromStrategyError(f"its codes have at least {shortest} characters")
    match strategy:
        case "range":
            return _trace_granted(pool, plain_id(code, SHORTEST))
        case "permuted":
            ranges = IdRanges(pool)
            permuted = Permuted(RangeAllocator(ranges), ranges.permutation_key, SHORTEST)
            return _trace_granted(pool, permuted.id_of(code))
        case "counter":
            return _trace_counted(pool, plain_id(code, SHORTEST), (COUNTER,))
        case "stride":
            return _trace_counted(pool, plain_id(code, SHORTEST), STRIDES)
        case "snowflake":
            return _trace_moment(pool, split_code(code))
        case "random" | "pool" | "hash":
            decode(code, len(code))  # any base62 text can be drawn
            hashed = link.target_url if strategy == "hash" and link else None
            return Traced(attempt=_find_attempt(code, hashed) if hashed else None)
        case _:
            assert_never(strategy)


def _trace_granted(pool: Pool, id_: int) -> Traced:
    grant = IdRanges(pool).find_grant(id_)
    if grant is None:
        raise NotFromStrategyError(f"its id would be {id_:,}, which no process has been given")
    if grant.holder == PASSED_OVER:
        raise NotFromStrategyError(f"its id would be {id_:,}, which was left to {PASSED_OVER}")
    return Traced(id=id_, grant=grant)


def _trace_counted(pool: Pool, id_: int, sequences: tuple[str, ...]) -> Traced:
    value, offset = divmod(id_, len(sequences))
    if value >= SequenceCounter(pool, sequences[offset]).read_next():
        raise NotFromStrategyError(f"its id would be {id_:,}, which has not been counted yet")
    return Traced(id=id_)


def _trace_moment(pool: Pool, parts: Parts) -> Traced:
    moment = datetime.fromtimestamp(parts.unix_ms / 1_000, UTC)
    if parts.unix_ms >= WorkerIdLeases(pool).read_lease_end(parts.worker):
        raise NotFromStrategyError(
            f"it would be of {moment:%F %T} UTC by worker {parts.worker}, which was never leased"
            " for that time"
        )
    return Traced(moment=moment, worker=parts.worker, sequence=parts.sequence)


def _find_attempt(code: str, target_url: str) -> int | None:
    """The attempt at which a target gives a code; None if a random salt was used."""
    strategy = Hashed(SHORTEST)
    for attempt in range(ATTEMPTS_PER_LENGTH):
        if strategy.candidate(target_url, attempt) == code:
            return attempt
    return None
