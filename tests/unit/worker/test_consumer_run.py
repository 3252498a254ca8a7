"""The worker's loop: whatever happens, it goes on, and waits as long as it should."""

import threading
from collections.abc import Iterable

import pytest
import redis

from analytics_worker.consumer import (
    CHUNKS_PER_STREAM,
    GATHER_S,
    MAX_PAUSE_S,
    Consumer,
)
from db.errors import DatabaseUnavailableError


class Locks:
    """Gives two partitions; they are lost when it is closed, until the next rebalance."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.closed = 0

    def rebalance(self) -> None:
        self.held = {3, 1}

    def close(self) -> None:
        self.held = set()
        self.closed += 1


class Waits(threading.Event):
    """Takes down how long it would wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


class Scripted(Consumer):
    """Each batch does what the next line of the script says."""

    def __init__(self, stopping: threading.Event, script: Iterable[Exception | str]) -> None:
        super().__init__(None, None)
        self._script = iter(script)
        self._stopping = stopping
        self.asked: list[list[int]] = []

    def consume(self, block_ms: int, partitions: Iterable[int] = ()) -> int:
        self.asked.append(list(partitions))
        step = next(self._script, None)
        if step is None:
            self._stopping.set()
        if isinstance(step, Exception):
            raise step
        self.is_behind = step == "behind"
        return 0


@pytest.fixture(autouse=True)
def _no_receipts(monkeypatch):
    monkeypatch.setattr("analytics_worker.consumer.prune_receipts", lambda _: 0)


def run(*script: Exception | str) -> tuple[list[float], list[list[int]], int]:
    """The waits, the partitions of each batch, and how often all locks were given up."""
    stopping, locks = Waits(), Locks()
    consumer = Scripted(stopping, script)
    consumer.run(stopping, locks)
    return stopping.waits, consumer.asked, locks.closed


def test_worker_pauses_after_all_there_was_and_not_in_a_backlog():
    waits, asked, closed = run("behind", "behind", "all there was", "behind")
    assert waits == [GATHER_S, GATHER_S]  # the second time when it is told to stop
    assert asked == [[1, 3]] * 5
    assert closed == 0


@pytest.mark.parametrize(
    "fault", [redis.ConnectionError(), DatabaseUnavailableError(), ValueError("unknown")]
)
def test_worker_goes_on_after_any_fault_and_lets_others_have_its_partitions(fault: Exception):
    waits, asked, closed = run(fault, fault, fault, "behind")
    assert closed == 3
    assert len(asked) == 5
    for wait, longest in zip(waits, (0.2, 0.4, 0.8), strict=False):
        assert longest / 2 <= wait <= longest


def test_worker_lives_through_an_outage_of_many_hours():
    waits, asked, _ = run(*[redis.ConnectionError()] * 3_000, "behind")
    assert len(asked) == 3_002
    assert max(waits) <= MAX_PAUSE_S


def test_batches_get_smaller_while_postgres_does_not_do_them_in_time(monkeypatch):
    class Wire:
        """Full of what is no chunk."""

        def xread(self, streams: dict[str, str], count: int, block: int) -> list[object]:
            asked.append(count)
            return [(b"clicks:0", [(b"1-0", {})] * count)]

        def xdel(self, *_: object) -> None:
            pass

    def count(*_: object) -> None:
        if asked[-1] > CHUNKS_PER_STREAM // 4:
            raise DatabaseUnavailableError("canceling statement due to statement timeout")

    asked: list[int] = []
    consumer = Consumer(None, Wire())
    monkeypatch.setattr("analytics_worker.consumer.count", count)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError):
            consumer.consume(1)
    assert consumer.consume(1) == CHUNKS_PER_STREAM // 4
    with pytest.raises(DatabaseUnavailableError):
        consumer.consume(1)
    full = CHUNKS_PER_STREAM
    assert asked == [full, full // 2, full // 4, full]
