"""app.cache.changes: a change reaches the caches, whatever Postgres and Redis do meanwhile."""

import pytest

from app.cache import changes as module
from app.cache.cached_link import CachedLink
from app.cache.changes import SETTLED_AFTER_S, PendingChanges
from app.cache.memory import MemoryCache
from db.errors import DatabaseUnavailableError


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Redis:
    """Takes down what is published, as RedisCache.publish does."""

    def __init__(self) -> None:
        self.is_away = False
        self.published: list[tuple[str, int]] = []
        self.outdated: set[str] = set()

    def publish(self, code: str, link: CachedLink) -> bool:
        if not self.is_away:
            self.published.append((code, link.version))
        return not self.is_away


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def redis():
    return Redis()


@pytest.fixture
def rows():
    """Versions in Postgres by code; None as long as it is away."""
    return {}


@pytest.fixture
def pending(clock, redis, rows, monkeypatch):
    def find_deleted_version(_pool: object, code: str) -> int | None:
        if rows is None or rows.get("is away"):
            raise DatabaseUnavailableError("still away")
        return rows.get(code)

    monkeypatch.setattr(module, "find_link", lambda *_: None)
    monkeypatch.setattr(module, "find_deleted_version", find_deleted_version)
    return PendingChanges(None, redis, MemoryCache(), clock)


def test_change_that_redis_takes_is_not_pending(pending, redis):
    pending.announce("abc", CachedLink(2))
    assert redis.published == [("abc", 2)]
    assert "abc" not in pending
    assert redis.outdated == set()


def test_change_that_redis_does_not_take_is_published_when_it_is_back(pending, redis):
    redis.is_away = True
    pending.announce("abc", CachedLink(2))
    pending.announce("abc", CachedLink(4))
    pending.announce("abc", CachedLink(3))  # committed before 4, announced after it
    pending.publish()
    assert "abc" in pending
    assert redis.outdated == {"abc"}
    redis.is_away = False
    pending.publish()
    assert redis.published == [("abc", 4)]
    assert "abc" not in pending
    assert redis.outdated == set()


def test_unconfirmed_link_is_read_again_until_no_statement_can_change_it(
    pending, redis, rows, clock
):
    pending.note_unconfirmed("abc")
    versions = []
    for after_s, version in ((0, 1), (SETTLED_AFTER_S - 1, 2), (2, 3), (1, 4)):
        clock.now_s += after_s
        rows["abc"] = version
        pending.settle()
        versions.append("abc" in pending)
    assert redis.published == [("abc", 1), ("abc", 2), ("abc", 3)]
    assert versions == [True, True, False, False]


def test_time_counts_from_the_first_answer_of_postgres(pending, redis, rows, clock):
    pending.note_unconfirmed("abc")
    rows["is away"] = True
    with pytest.raises(DatabaseUnavailableError):
        pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    del rows["is away"]
    rows["abc"] = 1
    pending.settle()
    assert "abc" in pending


def test_time_starts_again_when_another_change_is_not_confirmed(pending, rows, clock):
    rows["abc"] = 1
    pending.note_unconfirmed("abc")
    pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.note_unconfirmed("abc")
    pending.settle()
    assert "abc" in pending
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.settle()
    assert "abc" not in pending


def test_unconfirmed_link_stays_pending_while_redis_is_away(pending, redis, rows, clock):
    redis.is_away = True
    rows["abc"] = 1
    pending.note_unconfirmed("abc")
    pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.settle()
    assert "abc" in pending
    redis.is_away = False
    pending.publish()
    assert redis.published == [("abc", 1)]
    assert "abc" not in pending


def test_links_take_turns_when_many_are_unconfirmed(pending, redis, rows, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_BATCH", 2)
    for code in "abcde":
        rows[code] = 1
        pending.note_unconfirmed(code)
    for _ in range(3):
        pending.settle()
    assert [code for code, _ in redis.published] == list("abcdea")
