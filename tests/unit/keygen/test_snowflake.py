"""Snowflakes under clocks that jump: never a duplicate, never a negative id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keygen.base62 import decode, encode
from keygen.errors import CodesUnavailableError
from keygen.strategies.snowflake import (
    EPOCH_MS,
    LEASE_MS,
    MAX_WAIT_MS,
    Parts,
    Snowflake,
    join_parts,
    split_code,
)

NOW_MS = EPOCH_MS + 10**9


class Clock:
    """A clock that stands still unless it is set or slept on."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms
        self.slept_ms = 0

    def __call__(self) -> int:
        return self.now_ms

    def sleep(self, seconds: float) -> None:
        self.slept_ms += round(seconds * 1_000)
        self.now_ms += round(seconds * 1_000)


class FakeWorkers:
    """Leases that never overlap, for few worker ids so that they run out."""

    def __init__(self, workers: int = 3) -> None:
        self._until_ms = [0] * workers

    def lease_worker(self, from_ms: int, until_ms: int) -> int | None:
        for worker, leased_until_ms in enumerate(self._until_ms):
            if leased_until_ms <= from_ms:
                self._until_ms[worker] = until_ms
                return worker
        return None


def make(clock: Clock, workers: FakeWorkers | None = None) -> Snowflake:
    return Snowflake(workers or FakeWorkers(), now_ms=clock, sleep_s=clock.sleep)


def test_code_has_11_characters_and_tells_its_moment():
    code = make(Clock()).candidate("", 0)
    assert len(code) == 11
    assert split_code(code) == Parts(NOW_MS, 0, 0)


def test_a_full_millisecond_waits_for_the_next():
    clock = Clock()
    strategy = make(clock)
    parts = [split_code(strategy.candidate("", 0)) for _ in range(4_097)]
    assert [part.sequence for part in parts] == [*range(4_096), 0]
    assert parts[-1].unix_ms == NOW_MS + 1
    assert clock.slept_ms == 1


def test_a_small_step_back_is_waited_for():
    clock = Clock()
    strategy = make(clock)
    strategy.candidate("", 0)
    clock.now_ms -= MAX_WAIT_MS
    assert split_code(strategy.candidate("", 0)) == Parts(NOW_MS, 0, 1)
    assert clock.slept_ms == MAX_WAIT_MS


def test_a_large_step_back_takes_another_worker_id_at_once():
    clock = Clock()
    strategy = make(clock)
    strategy.candidate("", 0)
    clock.now_ms -= MAX_WAIT_MS + 1
    assert split_code(strategy.candidate("", 0)) == Parts(clock.now_ms, 1, 0)
    assert clock.slept_ms == 0


def test_no_worker_id_left_after_a_step_back_is_a_clear_error_until_the_clock_is_right_again():
    clock = Clock()
    strategy = make(clock, FakeWorkers(workers=1))
    first = strategy.candidate("", 0)
    clock.now_ms -= 3_600_000
    with pytest.raises(CodesUnavailableError, match="clock is behind"):
        strategy.candidate("", 0)
    clock.now_ms = NOW_MS
    assert split_code(strategy.candidate("", 0)).sequence == split_code(first).sequence + 1


def test_a_lease_that_ran_out_is_replaced():
    clock = Clock()
    workers = FakeWorkers()
    frozen, other = make(clock, workers), make(clock, workers)
    assert split_code(frozen.candidate("", 0)).worker == 0
    clock.now_ms += LEASE_MS
    assert split_code(other.candidate("", 0)).worker == 0
    assert split_code(frozen.candidate("", 0)).worker == 1  # woken after its lease


@pytest.mark.parametrize("now_ms", [0, EPOCH_MS - 1, EPOCH_MS + 2**41])
def test_a_clock_outside_the_epoch_is_a_clear_error(now_ms):
    with pytest.raises(CodesUnavailableError, match="2026"):
        make(Clock(now_ms)).candidate("", 0)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),  # which process
            st.one_of(st.integers(-200, 200), st.integers(-(10**7), 10**7)),  # a step of the clock
            st.integers(1, 20),  # codes
        ),
        max_size=60,
    )
)
def test_no_id_comes_twice_or_is_negative_whatever_the_clock_does(events):
    clock = Clock()
    workers = FakeWorkers(workers=6)
    processes = [make(clock, workers) for _ in range(3)]
    ids = []
    for process, step_ms, codes in events:
        clock.now_ms += step_ms
        for _ in range(codes):
            try:
                ids.append(decode(processes[process].candidate("", 0), 11))
            except CodesUnavailableError:
                break
    assert len(set(ids)) == len(ids)
    assert all(0 <= id_ < 2**63 for id_ in ids)


@given(st.integers(EPOCH_MS, EPOCH_MS + 2**41 - 1), st.integers(0, 1_023), st.integers(0, 4_095))
def test_parts_read_back(unix_ms, worker, sequence):
    parts = Parts(unix_ms, worker, sequence)
    assert split_code(encode(join_parts(parts), 11)) == parts


@pytest.mark.parametrize("code", ["zzzzzzzzzzz", "0000000", "AzL8n0Y58m8", "-----------"])
def test_what_is_no_snowflake_is_refused(code):
    with pytest.raises(ValueError, match=r"63 bits|expected|base62"):
        split_code(code)
