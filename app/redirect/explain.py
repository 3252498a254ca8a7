"""Which tier would answer a redirect now, and what each tier knows."""

import os
import time
from functools import partial
from time import perf_counter

import msgspec

from app.cache.cached_link import to_cached_link
from app.cache.memory import MemoryCache
from app.cache.redis_cache import RedisCache
from app.links.alias import CODE
from app.redirect.lookup import Tier
from db.connect.pool import Pool
from db.links import find_link


class Step(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One tier's answer."""

    tier: Tier
    outcome: str  # hit, miss, stale, unknown
    took_ms: float
    age_s: float | None = None  # of its entry
    ends_in_s: float | None = None
    target_url: str | None = None
    version: int | None = None


class Explanation(msgspec.Struct, frozen=True):
    """What one web process sees; another one may have other links in its memory."""

    code: str
    answered_by: Tier  # the first tier that knows the code
    process: int  # its id
    steps: list[Step]  # memory, redis, postgres: each is asked, also after a hit


def explain(pool: Pool, memory: MemoryCache, redis_cache: RedisCache, code: str) -> Explanation:
    """Ask every tier. Counts nothing and fills no cache.

    Raises:
        DatabaseUnavailableError: Postgres cannot be asked.
    """
    if not CODE.fullmatch(code):
        return Explanation(
            code, "rule", os.getpid(), [Step(tier="rule", outcome="unknown", took_ms=0.0)]
        )
    steps = []
    for ask in (
        partial(_ask_memory, memory, f"/{code}"),
        partial(_ask_redis, redis_cache, code),
        partial(_ask_postgres, pool, code),
    ):
        started_s = perf_counter()
        steps.append(ask())
        steps[-1].took_ms = (perf_counter() - started_s) * 1000
    answering = next(step for step in steps if step.outcome != "miss")
    return Explanation(code, answering.tier, os.getpid(), steps)


def _ask_memory(memory: MemoryCache, path: str) -> Step:
    entry = memory.find(path)
    if entry is None:
        return Step(tier="memory", outcome="miss", took_ms=0.0)
    return Step(
        tier="memory",
        outcome="hit",
        took_ms=0.0,
        ends_in_s=entry.ends_s - memory.now_s(),
        target_url=entry.target_url,
    )


def _ask_redis(redis_cache: RedisCache, code: str) -> Step:
    entry, now = redis_cache.get(code), time.time()
    if entry is None:
        return Step(tier="redis", outcome="miss", took_ms=0.0)
    outcome = "hit" if entry.link.target_url else "unknown"
    return Step(
        tier="redis",
        outcome=outcome if now < entry.fresh_until else "stale",
        took_ms=0.0,
        age_s=now - entry.stored_at,
        ends_in_s=entry.fresh_until - now,
        target_url=entry.link.target_url,
        version=entry.link.version or None,
    )


def _ask_postgres(pool: Pool, code: str) -> Step:
    link = to_cached_link(find_link(pool, code))
    return Step(
        tier="postgres",
        outcome="hit" if link.target_url else "unknown",
        took_ms=0.0,
        target_url=link.target_url,
        version=link.version or None,
    )
