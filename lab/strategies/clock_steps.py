"""Snowflakes while clocks jump: hop's, which lease time, beside naive ones, which trust the clock.

Clocks are set by hand, so twenty seconds take none, and each case always ends the same. Worker ids
are leased from memory, by the rule of `db.codes.snowflake_workers`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keygen.base62 import encode
from keygen.errors import CodesUnavailableError
from keygen.strategies import Strategy
from keygen.strategies.snowflake import (
    EPOCH_MS,
    LEASE_MS,
    LENGTH,
    Parts,
    Snowflake,
    join_parts,
    split_code,
)

# Before each step and after it: one a millisecond, so a step of ten seconds is lived through twice.
CODES: Final = 20_000
_NOON_MS: Final = EPOCH_MS + 100 * 86_400_000


@dataclass(slots=True)
class HandClock:
    """A clock that shows what it is set to; whoever sleeps by it moves it on."""

    now_ms: int = _NOON_MS
    slept_ms: int = 0

    def read(self) -> int:
        """Unix time in milliseconds."""
        return self.now_ms

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept_ms += round(seconds * 1_000)
        self.now_ms += round(seconds * 1_000)


class Leases:
    """Worker ids from memory: nobody gets one for a time before the end of its earlier leases."""

    def __init__(self, workers: int = 1_024) -> None:
        self._until_ms = [0] * workers

    def lease_worker(self, from_ms: int, until_ms: int) -> int | None:
        """The first worker id that is free from `from_ms` on."""
        for worker, leased_until_ms in enumerate(self._until_ms):
            if leased_until_ms <= from_ms:
                self._until_ms[worker] = until_ms
                return worker
        return None


class NaiveSnowflake:
    """A snowflake that believes its clock, with a worker id from a configuration file."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._sequence = 0

    def candidate(self, target_url: str, attempt: int) -> str:  # as the others
        """The code of this moment."""
        now_ms = self._clock.read()
        self._sequence = self._sequence + 1 if now_ms == self._last_ms else 0
        self._last_ms = now_ms
        return encode(join_parts(Parts(now_ms, 0, self._sequence)), LENGTH)


@dataclass(frozen=True, slots=True)
class ClockCase:
    """A clock's history: it steps by so much after each `CODES` codes.

    With `new_process` another process, whose clock shows that other time, takes over instead.
    """

    name: str
    steps_ms: tuple[int, ...]
    workers: int = 1_024
    new_process: bool = False


CASES: Final = (
    ClockCase("50 ms back", (-50,)),
    ClockCase("10 s back", (-10_000,)),
    ClockCase("beyond the lease and back", (LEASE_MS + 60_000, -LEASE_MS - 90_000)),
    ClockCase("next process 10 s behind", (-10_000,), new_process=True),
    ClockCase("10 s back, 3 times, 3 worker ids", (-10_000,) * 3, workers=3),
)


@dataclass(frozen=True, slots=True)
class ClockResult:
    """What came of one case. `did` is what hop's snowflake did about it."""

    case: str
    naive_codes: int
    naive_duplicates: int
    codes: int
    duplicates: int
    waited_ms: int
    worker_ids: int
    refused: int  # codes that were not made
    did: str


def run_cases() -> list[ClockResult]:
    """Every case, with both kinds."""
    return [_run(case) for case in CASES]


def _run(case: ClockCase) -> ClockResult:
    naive, _, _ = _make_codes(case, NaiveSnowflake)
    leases = Leases(case.workers)

    def open_ours(clock: HandClock) -> Strategy:
        return Snowflake(leases, now_ms=clock.read, sleep_s=clock.sleep)

    ours, waited_ms, refused = _make_codes(case, open_ours)
    worker_ids = len({split_code(code).worker for code in ours})
    return ClockResult(
        case=case.name,
        naive_codes=len(naive),
        naive_duplicates=len(naive) - len(set(naive)),
        codes=len(ours),
        duplicates=len(ours) - len(set(ours)),
        waited_ms=waited_ms,
        worker_ids=worker_ids,
        refused=refused,
        did=_describe(waited_ms, worker_ids, refused),
    )


def _make_codes(
    case: ClockCase, open_strategy: Callable[[HandClock], Strategy]
) -> tuple[list[str], int, int]:
    """Live through a clock's history; returns the codes, ms waited, and codes refused."""
    clock = HandClock()
    strategy = open_strategy(clock)
    codes, refused = [], 0
    for step_ms in (0, *case.steps_ms):
        clock.now_ms += step_ms
        if step_ms and case.new_process:
            strategy = open_strategy(clock)
        for _ in range(CODES):
            clock.now_ms += 1
            try:
                codes.append(strategy.candidate("", 0))
            except CodesUnavailableError:
                refused += 1
    return codes, clock.slept_ms, refused


def _describe(waited_ms: int, worker_ids: int, refused: int) -> str:
    did = []
    if waited_ms:
        did.append(f"waited {waited_ms} ms")
    if worker_ids > 1:
        others = worker_ids - 1
        did.append("took another worker id" if others == 1 else f"took {others} other worker ids")
    if refused:
        did.append(f"refused {refused:,} codes")
    return ", then ".join(did) or "nothing"
