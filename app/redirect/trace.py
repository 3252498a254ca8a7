"""What each step of a look-up found, and how long it took."""

from time import perf_counter

import msgspec

from app.cache.cached_link import Entry, Tier
from app.cache.memory import HotEntry, HotTable


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tier was asked."""

    tier: Tier
    outcome: str  # hit, miss, stale, unknown
    took_ms: float
    age_s: float | None = None  # of its entry
    ends_in_s: float | None = None
    target_url: str | None = None
    version: int | None = None


class Trace:
    """The steps so far; a step lasts from the end of the one before."""

    def __init__(self) -> None:
        """Begin the first step."""
        self.steps: list[Step] = []
        self._began = perf_counter()

    def note(
        self,
        tier: Tier,
        outcome: str,
        *,
        age_s: float | None = None,
        ends_in_s: float | None = None,
        target_url: str | None = None,
        version: int | None = None,
    ) -> None:
        """End a step."""
        now = perf_counter()
        took_ms = (now - self._began) * 1000
        self.steps.append(Step(tier, outcome, took_ms, age_s, ends_in_s, target_url, version))
        self._began = now

    def as_header(self) -> str:
        """The value of a Server-Timing header (W3C, https://www.w3.org/TR/server-timing/)."""
        return ", ".join(f'{s.tier};desc="{_describe(s)}";dur={s.took_ms:.3f}' for s in self.steps)


def _describe(step: Step) -> str:
    words = [step.outcome]
    if step.age_s is not None:
        words.append(f"age {step.age_s:.1f} s")
    if step.ends_in_s is not None:
        words.append(f"ends in {step.ends_in_s:.1f} s")
    return " ".join(words)


def note_memory(table: HotTable, path: str, trace: Trace) -> HotEntry | None:
    """Look into the memory of this process."""
    entry = table.find_entry(path)
    if entry is None:
        trace.note("memory", "miss")
    else:
        clock = table.clock_s()
        trace.note(
            "memory",
            "hit",
            age_s=clock - entry.times.began,  # of the first of those put together
            ends_in_s=entry.times.end - clock,
            target_url=entry.target_url,
        )
    return entry


def note_redis(entry: Entry | None, now: float, trace: Trace) -> None:
    """Note what Redis had."""
    if entry is None:
        trace.note("redis", "miss")
        return
    trace.note(
        "redis",
        ("hit" if entry.link.target_url else "unknown") if now < entry.fresh_until else "stale",
        age_s=now - entry.began,
        ends_in_s=entry.fresh_until - now,
        target_url=entry.link.target_url,
        version=entry.link.version or None,
    )
