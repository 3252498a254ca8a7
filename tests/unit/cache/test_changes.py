"""app.cache.changes: a change reaches the caches, whatever Postgres and Redis do meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app.cache import changes as module
from app.cache.cached_link import CachedLink
from app.cache.changes import SETTLED_AFTER_S, PendingChanges
from app.cache.memory import MemoryCache
from db.errors import DatabaseUnavailableError
from db.links import Link

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Redis:
    """Takes down what is published, as RedisCache does."""

    def __init__(self) -> None:
        self.is_away = False
        self.published: list[tuple[str, int]] = []
        self.hidden: set[str] = set()

    def publish(self, code: str, link: CachedLink) -> bool:
        if not self.is_away:
            self.published.append((code, link.version))
        return not self.is_away

    def hide(self, code: str) -> None:
        self.hidden.add(code)

    def show(self, code: str) -> None:
        self.hidden.discard(code)


class Postgres:
    """Rows: an enabled link of a version, or with a negative version a deleted one."""

    def __init__(self) -> None:
        self.is_away = False
        self.versions: dict[str, int] = {}
        self.meanwhile: Callable[[], None] = lambda: None

    def find_link(self, _pool: object, code: str) -> Link | None:
        if self.is_away:
            raise DatabaseUnavailableError("still away")
        self.meanwhile()
        version = self.versions.get(code, -1)
        if version < 0:
            return None
        return Link(code, "https://example.org/", NOW, None, enabled=True, version=version)

    def find_deleted_version(self, _pool: object, code: str) -> int | None:
        return -self.versions[code] if code in self.versions else None


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def redis():
    return Redis()


@pytest.fixture
def postgres(monkeypatch):
    made = Postgres()
    for name in ("find_link", "find_deleted_version"):
        monkeypatch.setattr(module, name, getattr(made, name))
    return made


@pytest.fixture
def pending(clock, redis, postgres):
    return PendingChanges(None, redis, MemoryCache(), clock)


def test_change_that_redis_takes_is_not_pending(pending, redis):
    pending.announce("abc", CachedLink(2))
    assert redis.published == [("abc", 2)]
    assert "abc" not in pending
    assert redis.hidden == set()


def test_change_that_redis_does_not_take_is_published_when_it_is_back(pending, redis):
    redis.is_away = True
    pending.announce("abc", CachedLink(2))
    pending.announce("abc", CachedLink(4))
    pending.announce("abc", CachedLink(3))  # committed before 4, announced after it
    pending.publish()
    assert "abc" in pending
    assert redis.hidden == {"abc"}
    redis.is_away = False
    pending.publish()
    assert redis.published == [("abc", 4)]
    assert "abc" not in pending
    assert redis.hidden == set()


def test_unconfirmed_link_is_read_again_until_no_statement_can_change_it(
    pending, redis, postgres, clock
):
    pending.note_unconfirmed("abc")
    versions = []
    for after_s, version in ((0, 1), (SETTLED_AFTER_S - 1, 2), (2, 3), (1, 4)):
        clock.now_s += after_s
        postgres.versions["abc"] = version
        pending.settle()
        versions.append("abc" in pending)
    assert redis.published == [("abc", 1), ("abc", 2), ("abc", 3)]
    assert versions == [True, True, False, False]


def test_time_counts_from_the_first_answer_of_postgres(pending, redis, postgres, clock):
    pending.note_unconfirmed("abc")
    postgres.is_away = True
    with pytest.raises(DatabaseUnavailableError):
        pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    postgres.is_away = False
    postgres.versions["abc"] = 1
    pending.settle()
    assert "abc" in pending


def test_time_starts_again_when_another_change_is_not_confirmed(pending, postgres, clock):
    postgres.versions["abc"] = 1
    pending.note_unconfirmed("abc")
    pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.note_unconfirmed("abc")
    pending.settle()
    assert "abc" in pending
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.settle()
    assert "abc" not in pending


def test_unconfirmed_deletion_is_announced_as_one(pending, redis, postgres):
    postgres.versions["abc"] = -3
    pending.note_unconfirmed("abc")
    pending.settle()
    assert redis.published == [("abc", 3)]


def test_unconfirmed_link_is_not_hidden(pending, redis):
    """Redis may have the newest entry, and Postgres may stay away."""
    pending.note_unconfirmed("abc")
    assert redis.hidden == set()


def test_row_that_was_read_before_another_unconfirmed_change_is_read_again(
    pending, postgres, clock
):
    postgres.versions["abc"] = 1
    pending.note_unconfirmed("abc")
    pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    postgres.meanwhile = lambda: pending.note_unconfirmed("abc")
    pending.settle()  # this row may be older than the second change
    postgres.meanwhile = lambda: None
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.settle()
    assert "abc" in pending
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.settle()
    assert "abc" not in pending


def test_unconfirmed_link_stays_pending_while_redis_is_away(pending, redis, postgres, clock):
    redis.is_away = True
    postgres.versions["abc"] = 1
    pending.note_unconfirmed("abc")
    pending.settle()
    clock.now_s += 2 * SETTLED_AFTER_S
    pending.settle()
    assert "abc" in pending
    redis.is_away = False
    pending.publish()
    assert redis.published == [("abc", 1)]
    assert "abc" not in pending


def test_links_take_turns_when_many_are_unconfirmed(pending, redis, postgres, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_BATCH", 2)
    for code in "abcde":
        postgres.versions[code] = 1
        pending.note_unconfirmed(code)
    for _ in range(3):
        pending.settle()
    assert [code for code, _ in redis.published] == list("abcdea")
