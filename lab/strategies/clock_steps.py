"""Snowflakes while clocks step back: hop's lease time, naive ones trust the clock.

Clocks are simulated: a case takes no time and always ends the same way. Worker ids are leased from
memory, by the rule of `db.codes.snowflake_workers`.
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

# Before each step and after it, one per millisecond: more than the largest step repeats.
CODES: Final = 20_000
_START_MS: Final = EPOCH_MS + 100 * 86_400_000


@dataclass(slots=True)
class SimulatedClock:
    """A clock that is set by hand; sleeping moves it forward."""

    now_ms: int = _START_MS
    slept_ms: int = 0

    def read(self) -> int:
        """Unix time in milliseconds."""
        return self.now_ms

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept_ms += round(seconds * 1_000)
        self.now_ms += round(seconds * 1_000)


class Leases:
    """Worker ids in memory: none is leased for a time before the end of its earlier leases."""

    def __init__(self, workers: int) -> None:
        self._until_ms = [0] * workers

    def lease_worker(self, from_ms: int, until_ms: int) -> int | None:
        """The first worker id that is free from `from_ms` on; None if there is none."""
        for worker, leased_until_ms in enumerate(self._until_ms):
            if leased_until_ms <= from_ms:
                self._until_ms[worker] = until_ms
                return worker
        return None


class NaiveSnowflake:
    """A snowflake that trusts its clock; its worker id could come from a configuration file."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._sequence = 0

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of the current millisecond."""
        now_ms = self._clock.read()
        self._sequence = self._sequence + 1 if now_ms == self._last_ms else 0
        self._last_ms = now_ms
        return encode(join_parts(Parts(now_ms, 0, self._sequence)), LENGTH)


@dataclass(frozen=True, slots=True)
class ClockCase:
    """The clock steps by each of `steps_ms`, with `CODES` codes before and after each step.

    With `new_process`, another process with such a clock takes over instead.
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
    """The result of one case; all but `naive_…` is about hop's snowflakes."""

    case: str
    naive_codes: int
    naive_duplicates: int
    codes: int
    duplicates: int
    waited_ms: int
    worker_ids: int
    refused: int  # codes
    did: str  # how it avoided duplicates, in words


def run_cases() -> list[ClockResult]:
    """Run every case with both kinds of snowflakes."""
    return [_run(case) for case in CASES]


def _run(case: ClockCase) -> ClockResult:
    naive_codes, _, _ = _make_codes(case, NaiveSnowflake)
    leases = Leases(case.workers)

    def open_snowflake(clock: SimulatedClock) -> Strategy:
        return Snowflake(leases, now_ms=clock.read, sleep_s=clock.sleep)

    codes, waited_ms, refused = _make_codes(case, open_snowflake)
    worker_ids = len({split_code(code).worker for code in codes})
    return ClockResult(
        case=case.name,
        naive_codes=len(naive_codes),
        naive_duplicates=len(naive_codes) - len(set(naive_codes)),
        codes=len(codes),
        duplicates=len(codes) - len(set(codes)),
        waited_ms=waited_ms,
        worker_ids=worker_ids,
        refused=refused,
        did=_describe(waited_ms, worker_ids, refused),
    )


def _make_codes(
    case: ClockCase, open_strategy: Callable[[SimulatedClock], Strategy]
) -> tuple[list[str], int, int]:
    """Run a case with one kind; returns the codes, ms waited, and the number of codes refused."""
    clock = SimulatedClock()
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
