"""Group commit: everything is written once, by one thread at a time, and each gets its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from guard.group_commit import GroupCommit
from tests.running_demo import wait_until


class Disk:
    """Takes down the groups that are written; the first write waits until it may end."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.is_begun, self.may_end = threading.Event(), threading.Event()
        self.may_fail = threading.Event()

    def write(self, group: Sequence[int]) -> list[str]:
        self.groups.append(list(group))
        self.is_begun.set()
        assert self.may_end.wait(10)
        if 13 in group:
            assert self.may_fail.wait(10)
            raise OSError("no thirteenth")
        return [f"wrote {item}" for item in group]


def commit(
    writes: GroupCommit[Any, Any], item: Any, write: Callable[[Sequence[Any]], Sequence[Any]]
) -> Any:
    """Have an item written, as the leader of its group or by it."""
    with writes.join(item) as place:
        if place.group:
            place.write(write([member.item for member in place.group]))
    return place.result


def test_item_when_it_comes_alone_is_written_alone():
    disk, writes = Disk(), GroupCommit[int, str]()
    disk.may_end.set()
    assert [commit(writes, item, disk.write) for item in (1, 2)] == ["wrote 1", "wrote 2"]
    assert disk.groups == [[1], [2]]


def test_items_when_they_come_during_a_write_are_written_together_after_it():
    disk, writes = Disk(), GroupCommit[int, str]()
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(commit, writes, 0, disk.write)
        assert disk.is_begun.wait(10)
        others = [threads.submit(commit, writes, item, disk.write) for item in range(1, 6)]
        wait_until(lambda: len(writes) == 5, 10)
        disk.may_end.set()
        assert first.result() == "wrote 0"
        assert [other.result() for other in others] == [f"wrote {item}" for item in range(1, 6)]
    assert [sorted(group) for group in disk.groups] == [[0], [1, 2, 3, 4, 5]]


def test_write_when_it_fails_fails_for_its_group_and_nobody_else():
    disk, writes = Disk(), GroupCommit[int, str]()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(commit, writes, 1, disk.write)
        assert disk.is_begun.wait(10)
        others = [threads.submit(commit, writes, item, disk.write) for item in (13, 14)]
        wait_until(lambda: len(writes) == 2, 10)
        disk.may_end.set()
        assert first.result(10) == "wrote 1"
        wait_until(lambda: len(disk.groups) == 2, 10)
        late = threads.submit(commit, writes, 16, disk.write)
        wait_until(lambda: len(writes) == 1, 10)
        disk.may_fail.set()
        for other in others:
            with pytest.raises(OSError, match="no thirteenth"):
                other.result(10)
        assert late.result(10) == "wrote 16"
    assert commit(writes, 15, disk.write) == "wrote 15"


def test_write_when_results_are_missing_fails_and_the_next_goes_on():
    writes = GroupCommit[int, str]()
    with pytest.raises(ValueError, match="zip"):
        commit(writes, 1, lambda _: [])
    assert commit(writes, 2, lambda _: ["wrote 2"]) == "wrote 2"


def test_leader_that_writes_nothing_leaves_nobody_waiting_and_the_next_goes_on():
    disk, writes = Disk(), GroupCommit[int, str]()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(commit, writes, 0, disk.write)
        assert disk.is_begun.wait(10)

        def lead_in_vain() -> str:
            with writes.join(1) as place:
                pass
            return place.result

        vain = threads.submit(lead_in_vain)
        wait_until(lambda: len(writes) == 1, 10)
        others = [threads.submit(commit, writes, item, disk.write) for item in (2, 3)]
        wait_until(lambda: len(writes) == 3, 10)
        disk.may_end.set()
        assert first.result(10) == "wrote 0"
        for other in others:
            with pytest.raises(RuntimeError, match="wrote nothing"):
                other.result(10)
        with pytest.raises(IndexError):
            vain.result(10)
    assert commit(writes, 4, disk.write) == "wrote 4"


def test_failure_after_the_write_is_nobody_elses():
    disk, writes = Disk(), GroupCommit[int, str]()

    def fail_after_writing() -> None:
        with writes.join(1) as place:
            place.write(disk.write([member.item for member in place.group]))
            raise KeyError("after the write")

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(commit, writes, 0, disk.write)
        assert disk.is_begun.wait(10)
        leader = threads.submit(fail_after_writing)
        wait_until(lambda: len(writes) == 1, 10)
        other = threads.submit(commit, writes, 2, disk.write)
        wait_until(lambda: len(writes) == 2, 10)
        disk.may_end.set()
        assert first.result(10) == "wrote 0"
        assert other.result(10) == "wrote 2"
        with pytest.raises(KeyError):
            leader.result(10)


def test_items_of_many_threads_are_each_written_once_by_one_writer_at_a_time():
    writes = GroupCommit[int, int]()
    writing, written = threading.Lock(), []

    def write(group: Sequence[int]) -> list[int]:
        assert writing.acquire(blocking=False)
        written.extend(group)
        writing.release()
        return [-item for item in group]

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda item: commit(writes, item, write), range(5_000)))
    assert results == [-item for item in range(5_000)]
    assert sorted(written) == list(range(5_000))
