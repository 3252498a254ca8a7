"""app.links.doubts: a change that was not confirmed is looked at until nothing can happen to it."""

import pytest

from app.links.doubts import SETTLED_AFTER_S, Doubts
from db.errors import DatabaseUnavailableError


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def unavailable(_code: str) -> None:
    raise DatabaseUnavailableError("still away")


def test_link_is_announced_again_and_again_until_its_change_is_settled():
    clock, told = Clock(), []
    doubts = Doubts(clock)
    doubts.add("abc")
    for after_s in (0, SETTLED_AFTER_S, 0.1, 0.1):
        clock.now_s += after_s
        doubts.settle(told.append)
    assert told == ["abc"] * 3


def test_time_counts_from_the_first_answer_of_postgres():
    clock, told = Clock(), []
    doubts = Doubts(clock)
    doubts.add("abc")
    with pytest.raises(DatabaseUnavailableError):
        doubts.settle(unavailable)
    clock.now_s += 2 * SETTLED_AFTER_S
    doubts.settle(told.append)
    doubts.settle(told.append)
    assert told == ["abc", "abc"]


def test_time_begins_anew_when_the_link_is_changed_again_while_it_is_announced():
    clock, told = Clock(), []
    doubts = Doubts(clock)
    doubts.add("abc")
    doubts.settle(told.append)
    clock.now_s += 2 * SETTLED_AFTER_S
    doubts.settle(doubts.add)
    doubts.settle(told.append)
    doubts.settle(told.append)
    assert told == ["abc"] * 3


def test_doubts_take_turns_when_there_are_many(monkeypatch):
    monkeypatch.setattr("app.links.doubts.AT_ONCE", 2)
    told, doubts = [], Doubts()
    for code in "abcde":
        doubts.add(code)
    for _ in range(3):
        doubts.settle(told.append)
    assert told == list("abcdea")
