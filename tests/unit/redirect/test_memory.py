"""app.cache.memory: bounded, and never older than the last announcement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache.cached_link import CachedLink
from app.cache.memory import (
    FRESH_S,
    FRESH_WITHOUT_NEWS_S,
    MOST_DROPS_REMEMBERED,
    TOGETHER,
    HotTable,
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
def table(clock):
    made = HotTable(most_entries=4, now_s=clock)
    made.clear(has_news=True)
    return made


def put(table, path, link=LINK, ticket=None):
    table.put(path, link, table.ticket() if ticket is None else ticket, NOW)


def test_entry_is_there_until_it_is_no_longer_fresh(table, clock):
    put(table, "/abc")
    assert table.get("/abc") == LINK.target_url
    clock.now_s += FRESH_S - 0.01
    assert table.get("/abc") == LINK.target_url
    clock.now_s += 0.02
    assert table.get("/abc") is None


def test_entry_lives_for_a_second_when_there_is_no_news(table, clock):
    table.clear(has_news=False)
    put(table, "/abc")
    clock.now_s += FRESH_WITHOUT_NEWS_S
    assert table.get("/abc") is None


def test_entry_ends_with_its_link(table, clock):
    put(table, "/abc", CachedLink(1, "https://example.org/", NOW + 5))
    put(table, "/over", CachedLink(1, "https://example.org/", NOW - 5))
    assert table.get("/over") is None
    clock.now_s += 4.9
    assert table.get("/abc")
    clock.now_s += 0.1
    assert table.get("/abc") is None


@pytest.mark.parametrize(("has_news", "fresh_s"), [(True, FRESH_S), (False, FRESH_WITHOUT_NEWS_S)])
@given(
    pauses=st.lists(st.floats(0, 3), max_size=30), ends=st.lists(st.floats(0.5, 90), max_size=30)
)
def test_entries_that_share_their_times_end_no_later_and_hardly_sooner(
    has_news, fresh_s, pauses, ends
):
    clock = Clock()
    table = HotTable(most_entries=1_000, now_s=clock)
    table.clear(has_news=not has_news)
    put(table, "/before")
    table.clear(has_news=has_news)
    for number, pause_s in enumerate(pauses):
        clock.now_s += pause_s
        link_s = ends[number] if number < len(ends) else None
        expires_at = None if link_s is None else NOW + link_s
        put(table, f"/{number}", CachedLink(1, LINK.target_url, expires_at))
        most_s = min(fresh_s, link_s or fresh_s)
        times = table.find_entry(f"/{number}").times
        assert most_s * (1 - TOGETHER) - 1e-6 <= times.end - clock.now_s <= most_s + 1e-6
        assert 0 <= clock.now_s - times.began <= most_s * TOGETHER + 1e-6


def test_those_put_together_have_one_object_for_their_times(table, clock):
    for path in ("/a", "/b"):
        put(table, path)
    clock.now_s += 2 * TOGETHER * FRESH_S
    put(table, "/c")
    a, b, c = (table.find_entry(path).times for path in ("/a", "/b", "/c"))
    assert a is b
    assert c is not a


def test_unknown_code_never_enters(table):
    put(table, "/abc", CachedLink(0))
    assert len(table) == 0


def test_entry_is_refused_when_its_link_was_changed_during_the_look_up(table):
    ticket = table.ticket()
    table.drop("/abc")
    put(table, "/abc", ticket=ticket)
    assert table.get("/abc") is None
    put(table, "/other", ticket=ticket)
    assert table.get("/other")
    put(table, "/abc")
    assert table.get("/abc")


@pytest.mark.parametrize("has_news", [True, False])
def test_entry_is_refused_when_everything_was_forgotten_during_the_look_up(table, has_news):
    ticket = table.ticket()
    table.clear(has_news=has_news)
    put(table, "/abc", ticket=ticket)
    assert table.get("/abc") is None


def test_entry_is_refused_when_too_much_was_dropped_to_remember(table):
    ticket = table.ticket()
    table.drop("/abc")
    for number in range(MOST_DROPS_REMEMBERED):
        table.drop(f"/{number}")
    put(table, "/abc", ticket=ticket)
    assert table.get("/abc") is None


def test_entries_that_are_put_again_stay_when_others_make_room(table):
    for path in ("/a", "/b", "/c", "/a", "/d", "/a", "/e"):
        put(table, path)
    assert [path for path in ("/a", "/b", "/c", "/d", "/e") if table.get(path)] == [
        "/a",
        "/d",
        "/e",
    ]


@given(
    st.integers(2, 9),
    st.lists(
        st.tuples(st.sampled_from(["put"] * 4 + ["drop", "clear"]), st.sampled_from("abcdefghijkl"))
    ),
)
def test_newest_half_is_there_and_never_more_than_fit(most_entries, changes):
    table = HotTable(most_entries)
    table.clear(has_news=True)
    newest: list[str] = []
    dropped: set[str] = set()
    for change, path in changes:
        if change == "put":
            put(table, path)
            newest = [path, *(each for each in newest if each != path)]
            dropped.discard(path)
        elif change == "drop":
            table.drop(path)
            dropped.add(path)
        else:
            table.clear(has_news=True)
            dropped.update("abcdefghijkl")
        there = {each for each in "abcdefghijkl" if table.get(each)}
        assert len(there) == len(table) <= most_entries
        assert set(newest[: most_entries // 2]) - dropped <= there
        assert not there & dropped


def test_what_was_forgotten_is_freed_bit_by_bit_and_all_of_it():
    table = HotTable(most_entries=100)
    table.clear(has_news=True)
    for number in range(1_000):
        put(table, f"/{number}")
        held = len(table) + len(table._gone)
        assert held <= 100
    assert held > 90


@pytest.mark.parametrize("has_news", [True, False])
def test_everything_is_forgotten_when_changes_may_have_been_missed(table, has_news):
    put(table, "/abc")
    table.clear(has_news=has_news)
    assert table.get("/abc") is None
    assert len(table) == 0
