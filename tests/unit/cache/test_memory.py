"""app.cache.memory: bounded, and never older than the last invalidation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache.cached_link import CachedLink
from app.cache.memory import (
    FRESH_S,
    FRESH_UNTRACKED_S,
    MAX_DROPS,
    MemoryCache,
)

NOW = 1_800_000_000.0
LINK = CachedLink(1, "https://example.org/")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def memory(clock):
    made = MemoryCache(max_entries=4, now_s=clock)
    made.clear(is_tracked=True)
    return made


def put(memory, path, link=LINK, ticket=None):
    memory.put(path, link, memory.ticket() if ticket is None else ticket, NOW)


def test_entry_is_there_until_it_is_no_longer_fresh(memory, clock):
    put(memory, "/abc")
    assert memory.get("/abc") == LINK.target_url
    clock.now_s += FRESH_S - 0.01
    assert memory.get("/abc") == LINK.target_url
    clock.now_s += 0.02
    assert memory.get("/abc") is None


def test_entry_lives_for_a_second_when_no_invalidations_arrive(memory, clock):
    memory.clear(is_tracked=False)
    put(memory, "/abc")
    clock.now_s += FRESH_UNTRACKED_S
    assert memory.get("/abc") is None


def test_entry_ends_with_its_link(memory, clock):
    put(memory, "/abc", CachedLink(1, "https://example.org/", NOW + 5))
    put(memory, "/over", CachedLink(1, "https://example.org/", NOW - 5))
    assert memory.get("/over") is None
    clock.now_s += 4.9
    assert memory.get("/abc")
    clock.now_s += 0.1
    assert memory.get("/abc") is None


def test_link_that_does_not_redirect_never_enters(memory):
    put(memory, "/abc", CachedLink(0))
    put(memory, "/off", CachedLink(1, LINK.target_url, enabled=False))
    assert len(memory) == 0


def test_entry_is_refused_when_its_link_was_changed_during_the_look_up(memory):
    ticket = memory.ticket()
    memory.drop("/abc")
    put(memory, "/abc", ticket=ticket)
    assert memory.get("/abc") is None
    put(memory, "/other", ticket=ticket)
    assert memory.get("/other")
    put(memory, "/abc")
    assert memory.get("/abc")


@pytest.mark.parametrize("is_tracked", [True, False])
def test_entry_is_refused_when_everything_was_forgotten_during_the_look_up(memory, is_tracked):
    ticket = memory.ticket()
    memory.clear(is_tracked=is_tracked)
    put(memory, "/abc", ticket=ticket)
    assert memory.get("/abc") is None


def test_entry_is_refused_when_too_much_was_dropped_to_remember(memory):
    ticket = memory.ticket()
    memory.drop("/abc")
    for number in range(MAX_DROPS):
        memory.drop(f"/{number}")
    put(memory, "/abc", ticket=ticket)
    assert memory.get("/abc") is None


def test_entries_that_are_put_again_stay_when_others_make_room(memory):
    for path in ("/a", "/b", "/c", "/a", "/d", "/a", "/e"):
        put(memory, path)
    assert [path for path in ("/a", "/b", "/c", "/d", "/e") if memory.get(path)] == [
        "/a",
        "/c",
        "/d",
        "/e",
    ]


@given(
    st.integers(0, 6),
    st.lists(
        st.tuples(st.sampled_from(["put"] * 4 + ["drop", "clear"]), st.sampled_from("abcdefghi"))
    ),
)
def test_memory_holds_what_was_put_last_and_not_dropped_since(max_entries, changes):
    memory = MemoryCache(max_entries)
    memory.clear(is_tracked=True)
    expected: list[str] = []  # the oldest first
    for change, path in changes:
        if change == "clear":
            memory.clear(is_tracked=True)
            expected = []
            continue
        expected = [each for each in expected if each != path]
        if change == "put":
            put(memory, path)
            expected = [*expected, path][-max_entries:] if max_entries else []
        else:
            memory.drop(path)
        assert {each for each in "abcdefghi" if memory.get(each)} == set(expected)
        assert len(memory) == len(expected)


@pytest.mark.parametrize("is_tracked", [True, False])
def test_everything_is_forgotten_when_changes_may_have_been_missed(memory, is_tracked):
    put(memory, "/abc")
    memory.clear(is_tracked=is_tracked)
    assert memory.get("/abc") is None
    assert len(memory) == 0
