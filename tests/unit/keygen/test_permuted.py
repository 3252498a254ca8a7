"""keygen.strategies.permuted: ranges, growth and permutation put together."""

import pytest

from keygen.base62 import BASE
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted

KEY = bytes(range(32))


class CountingSource:
    """Ranges without gaps."""

    def __init__(self) -> None:
        self.next_id = 0

    def reserve_range(self, size: int) -> range:
        granted = range(self.next_id, self.next_id + size)
        self.next_id = granted.stop
        return granted


def new_strategy(read_key=lambda: KEY, shortest: int = 2) -> Permuted:
    return Permuted(RangeAllocator(CountingSource(), size=500), read_key, shortest)


def test_codes_never_repeat_and_grow_by_one_character_when_a_length_is_full():
    strategy = new_strategy()
    codes = [strategy.candidate("https://example.com/", 0) for _ in range(BASE**2 + 1_000)]
    assert len(set(codes)) == len(codes)
    assert {len(code) for code in codes[: BASE**2]} == {2}
    assert {len(code) for code in codes[BASE**2 :]} == {3}


def test_id_is_found_again_when_a_code_was_made_from_it():
    strategy = new_strategy()
    codes = [strategy.candidate("https://example.com/", 0) for _ in range(BASE**2 + 1_000)]
    assert [strategy.id_of(code) for code in codes] == list(range(len(codes)))


def test_code_is_another_one_when_the_first_was_taken():
    strategy = new_strategy(shortest=7)
    assert len({strategy.candidate("https://example.com/", attempt) for attempt in range(3)}) == 3


@pytest.mark.parametrize("text", ["", "A", "abcdef", "abc-efg", "abcdefé", "A" * 64])
def test_text_is_refused_when_it_cannot_be_a_code_of_ours(text):
    with pytest.raises(ValueError, match=r"character|code space"):
        new_strategy(shortest=7).id_of(text)


def test_key_is_read_when_the_first_code_is_asked_for_and_again_when_that_failed():
    """The key lies in Postgres, and a web process starts while Postgres is away."""
    answers = [ConnectionError("the database is away"), KEY]

    def read_key() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    strategy = new_strategy(read_key)
    assert len(answers) == 2
    with pytest.raises(ConnectionError):
        strategy.candidate("https://example.com/", 0)
    codes = {strategy.candidate("https://example.com/", 0) for _ in range(2)}
    assert len(codes) == 2
