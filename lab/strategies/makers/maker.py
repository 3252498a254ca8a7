"""What a measured process does: make codes, or links, and write down when.

Each process has a strategy and connections of its own, as each process of the service has.
"""

import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import psycopg
from psycopg.rows import TupleRow

from app.links.codes import CodeSource, open_strategy
from app.links.shorten import MAX_ATTEMPTS
from app.settings import Settings
from db.connect.pool import Pool, open_pool, ping
from db.links import insert_link
from keygen.strategies import StrategyName

# Every so many links the target is one that was shortened just before: people do that, and the
# strategy `hash` notices.
REPEAT_EVERY: Final = 10


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do: so many codes or links, or as many as fit in the time."""

    database_url: str
    strategy: StrategyName
    length: int  # of the shortest codes, in characters
    number: int  # tells the processes apart
    quota: int
    limit_s: float


@dataclass(frozen=True, slots=True)
class Made:
    """What one process did. Times are of CLOCK_MONOTONIC, which all processes share, in ns."""

    codes: list[str]
    began_ns: int
    ended_ns: int
    latencies_ns: "array[int]"  # one per code; of links none are taken
    round_trips: int
    conflicts: tuple[int, ...] = ()  # for each link that met any, how many it met


class CountingCursor(psycopg.Cursor[TupleRow]):
    """Counts the statements that are sent: in autocommit mode each is one round trip."""

    executions = 0
    _lock = threading.Lock()  # strategies work in the background, too

    def execute(self, *args: Any, **options: Any) -> Self:
        """Send a statement, as `psycopg.Cursor.execute` does, and count it."""
        with self._lock:
            CountingCursor.executions += 1
        return super().execute(*args, **options)


class Maker:
    """A process's strategy, ready to work: the database was reached."""

    def __init__(self, job: Job, pool: Pool, source: CodeSource) -> None:
        self._job = job
        self._pool = pool
        self._candidate = source.strategy.candidate
        self._targets = [
            f"https://example.org/{job.number}/{number - (number % REPEAT_EVERY == 1)}"
            for number in range(job.quota)
        ]

    def make_codes(self) -> Made:
        """Make codes alone; the clock is read once per code, which costs it under 0.1 us."""
        codes, stamps = [], array("q")
        candidate, now_ns = self._candidate, time.monotonic_ns
        before = CountingCursor.executions
        began_ns = now_ns()
        deadline_ns = began_ns + int(self._job.limit_s * 1e9)
        for target in self._targets:
            codes.append(candidate(target, 0))
            stamp = now_ns()
            stamps.append(stamp)
            if stamp > deadline_ns:
                break
        round_trips = CountingCursor.executions - before
        latencies = array("q", map(int.__sub__, stamps, [began_ns, *stamps]))
        return Made(codes, began_ns, stamps[-1], latencies, round_trips)

    def make_links(self) -> Made:
        """Make codes and links as the service does: the INSERT decides, a conflict is retried."""
        codes, conflicts = [], []
        began_ns = time.monotonic_ns()
        deadline_ns = began_ns + int(self._job.limit_s * 1e9)
        for target in self._targets:
            code, attempt = self._insert(target)
            codes.append(code)
            if attempt:
                conflicts.append(attempt)
            if time.monotonic_ns() > deadline_ns:
                break
        ended_ns = time.monotonic_ns()
        return Made(codes, began_ns, ended_ns, array("q"), 0, tuple(conflicts))

    def _insert(self, target: str) -> tuple[str, int]:
        for attempt in range(MAX_ATTEMPTS):
            code = self._candidate(target, attempt)
            if insert_link(self._pool, code, target) is not None:
                return code, attempt
        raise RuntimeError(f"{MAX_ATTEMPTS} codes in a row were taken")


@contextmanager
def ready_maker(job: Job) -> Iterator[Maker]:
    """A maker whose connection stands; closed at the end."""
    settings = Settings(database_url=job.database_url, redis_url="", keygen=job.strategy)
    with open_pool(job.database_url, name="hop-lab", cursor_factory=CountingCursor) as pool:
        ping(pool)
        source = open_strategy(settings, pool, job.length)
        try:
            yield Maker(job, pool, source)
        finally:
            source.close()
