"""The work of one maker: create codes or links, and time it."""

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

# Every tenth target is shortened twice in a row, as people do: the strategy `hash` notices.
REPEAT_EVERY: Final = 10


@dataclass(frozen=True, slots=True)
class MakerTask:
    """How many codes or links one maker creates; fewer if the time limit ends first."""

    database_url: str
    strategy: StrategyName
    length: int  # characters of the shortest codes
    number: int  # of the maker, from 0
    quota: int
    limit_s: float


@dataclass(frozen=True, slots=True)
class MakerOutput:
    """What one maker created. Times are ns of CLOCK_MONOTONIC, which all processes share."""

    codes: list[str]
    began_ns: int
    ended_ns: int
    latencies_ns: "array[int]"  # one per code; empty for links
    round_trips: int
    conflicts: tuple[int, ...] = ()  # per link with a conflict: how many it had


class CountingCursor(psycopg.Cursor[TupleRow]):
    """Counts the statements of this process. In autocommit mode each is one round trip."""

    executions = 0
    _lock = threading.Lock()  # strategies use background threads

    def execute(self, *args: Any, **options: Any) -> Self:
        """Count, and pass on to `psycopg.Cursor.execute`."""
        with self._lock:
            CountingCursor.executions += 1
        return super().execute(*args, **options)


class Maker:
    """A strategy whose database has been reached; open it with `open_maker`."""

    def __init__(self, task: MakerTask, pool: Pool, source: CodeSource) -> None:
        self._limit_ns = int(task.limit_s * 1e9)
        self._pool = pool
        self._candidate = source.strategy.candidate
        self._targets = [
            f"https://example.org/{task.number}/{number - (number % REPEAT_EVERY == 1)}"
            for number in range(task.quota)
        ]

    def make_codes(self) -> MakerOutput:
        """Create codes without links. Reading the clock adds less than 0.1 µs per code."""
        codes, ended = [], array("q")
        candidate, now_ns = self._candidate, time.monotonic_ns
        executions_before = CountingCursor.executions
        began_ns = now_ns()
        deadline_ns = began_ns + self._limit_ns
        for target_url in self._targets:
            codes.append(candidate(target_url, 0))
            ended_ns = now_ns()
            ended.append(ended_ns)
            if ended_ns > deadline_ns:
                break
        round_trips = CountingCursor.executions - executions_before
        latencies = array("q", map(int.__sub__, ended, [began_ns, *ended]))
        return MakerOutput(codes, began_ns, ended[-1], latencies, round_trips)

    def make_links(self) -> MakerOutput:
        """Create links as hop does: INSERT, with another code after a conflict."""
        codes, conflicts = [], []
        began_ns = time.monotonic_ns()
        deadline_ns = began_ns + self._limit_ns
        for target_url in self._targets:
            code, attempt = self._insert(target_url)
            codes.append(code)
            if attempt:
                conflicts.append(attempt)
            if time.monotonic_ns() > deadline_ns:
                break
        return MakerOutput(codes, began_ns, time.monotonic_ns(), array("q"), 0, tuple(conflicts))

    def _insert(self, target_url: str) -> tuple[str, int]:
        for attempt in range(MAX_ATTEMPTS):
            code = self._candidate(target_url, attempt)
            if insert_link(self._pool, code, target_url) is not None:
                return code, attempt
        raise RuntimeError(f"{MAX_ATTEMPTS} codes in a row were taken")


@contextmanager
def open_maker(task: MakerTask) -> Iterator[Maker]:
    """A maker with an open connection; closed at the end."""
    settings = Settings(database_url=task.database_url, redis_url="", keygen=task.strategy)
    with open_pool(task.database_url, name="hop-lab", cursor_factory=CountingCursor) as pool:
        ping(pool)
        source = open_strategy(settings, pool, task.length)
        try:
            yield Maker(task, pool, source)
        finally:
            source.close()
