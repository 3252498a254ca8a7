"""Work that is done in pieces."""

import pytest

from analytics_worker.pieces import Pieces, Work


def three_pieces(done: list[int], fails_at: int = 9) -> Pieces[str]:
    for number in range(3):
        if number == fails_at:
            raise ValueError("it failed")
        done.append(number)
        yield
    return "result"


def test_steps_are_taken_until_there_are_no_more_and_the_result_is_kept():
    done: list[int] = []
    work = Work(three_pieces(done))
    assert [work.step() for _ in range(5)] == [True, True, True, False, False]
    assert work.finish() == work.finish() == "result"
    assert done == [0, 1, 2]


def test_finishing_does_what_is_left():
    done: list[int] = []
    work = Work(three_pieces(done))
    work.step()
    assert work.finish() == "result"
    assert done == [0, 1, 2]


def test_failure_of_a_step_is_kept_for_who_wants_the_result():
    done: list[int] = []
    work = Work(three_pieces(done, fails_at=1))
    assert [work.step() for _ in range(3)] == [True, False, False]
    for _ in range(2):
        with pytest.raises(ValueError, match="it failed"):
            work.finish()
    assert done == [0]
