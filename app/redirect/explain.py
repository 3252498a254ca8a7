"""Which tier would answer a redirect, and what each of them knows."""

import time

import msgspec

from app.cache.cached_link import cached_form
from app.links.alias import is_code
from app.links.shorten import LinkStore
from app.redirect.trace import Step, Trace, note_memory, note_redis
from db.links import find_link


class Explanation(msgspec.Struct, frozen=True):
    """What one web process sees; another one may have other links in its memory."""

    code: str
    answered_by: str  # the first tier that knows the code
    process: int  # its id
    steps: list[Step]  # memory, redis, postgres: every tier is asked, also behind a hit


def explain(store: LinkStore, code: str, process: int) -> Explanation:
    """Ask every tier, and change nothing: neither counts nor caches.

    Raises:
        DatabaseUnavailableError: Postgres cannot be asked.
    """
    trace = Trace()
    if not is_code(code):
        trace.note("rule", "unknown")
        return Explanation(code, "rule", process, trace.steps)
    note_memory(store.hot, f"/{code}", trace)
    note_redis(store.cache.get(code), time.time(), trace)
    link = cached_form(find_link(store.pool, code))
    trace.note(
        "postgres",
        "hit" if link.target_url else "unknown",
        target_url=link.target_url,
        version=link.version or None,
    )
    first = next(step for step in trace.steps if step.outcome != "miss")
    return Explanation(code, first.tier, process, trace.steps)
