"""The Redis tier: newer wins, an end to everything, and no failure of Redis is anybody's."""

import random
import time
from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cache.cached_link import CachedLink
from app.cache.changes import PendingChanges
from app.cache.memory import MemoryCache
from app.cache.redis_cache import RedisCache
from db.connect.pool import Pool
from db.connect.redis_client import GuardedRedis, connect_redis

LINK = CachedLink(7, "https://example.org/?q=1", 2e9, enabled=False)
UNKNOWN = CachedLink(0)


@pytest.fixture
def guarded(redis_url: str) -> Iterator[GuardedRedis]:
    with connect_redis(redis_url, timeout_s=2) as client:
        yield GuardedRedis(client)


@pytest.fixture
def cache(guarded: GuardedRedis) -> RedisCache:
    return RedisCache(guarded, guarded.client, ttl_s=100, negative_ttl_s=5)


@pytest.fixture
def changes(pool: Pool, cache: RedisCache) -> PendingChanges:
    return PendingChanges(pool, cache, MemoryCache())


@pytest.mark.parametrize("entry", [LINK, UNKNOWN])
def test_get_returns_what_was_put(cache: RedisCache, entry: CachedLink):
    assert cache.get("abc") is None
    cache.fill("abc", entry)
    assert cache.get("abc").link == entry


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(versions=st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=8))
def test_newest_stays_when_entries_are_put_in_any_order(
    cache: RedisCache, redis_client: "redis.Redis", versions: list[int]
):
    redis_client.flushdb()
    for version in versions:
        cache.fill("abc", CachedLink(version, f"https://example.org/{version}"))
    assert cache.get("abc").link.version == max(versions)


def test_entries_end_at_different_times_and_unknown_ones_soon(
    cache: RedisCache, redis_client: "redis.Redis"
):
    random.seed(1)
    for number in range(50):
        cache.fill(f"link{number}", LINK)
    cache.fill("nothing", UNKNOWN)
    ends = [redis_client.pttl(f"link:link{number}") for number in range(50)]
    assert 189_000 < min(ends) < max(ends) <= 210_000  # fresh for 90 to 110 s, then stale for 100
    assert max(ends) - min(ends) > 5_000
    assert 0 < redis_client.pttl("link:nothing") <= 5_500


def test_get_reads_as_not_cached_when_the_value_is_damaged(
    cache: RedisCache, redis_client: "redis.Redis"
):
    for damaged in (b"7 {nonsense", b'7 [[1,"\xff"],1,2]', b"7", b"\x00", b""):
        redis_client.set("link:abc", damaged)
        assert cache.get("abc") is None


def test_get_and_put_go_on_when_redis_is_away(tmp_path):
    with connect_redis(f"unix://{tmp_path}/nothing.sock", timeout_s=0.05) as client:
        cache = RedisCache(GuardedRedis(client), client, ttl_s=100, negative_ttl_s=5)
        cache.fill("abc", LINK)
        assert cache.get("abc") is None


def test_deletion_outlasts_every_slow_reader(cache: RedisCache, redis_client: "redis.Redis"):
    cache.publish("gone", CachedLink(8))
    assert redis_client.pttl("link:gone") > 80_000
    cache.fill("gone", CachedLink(7, "https://example.org/old"))
    assert cache.get("gone").link.target_url is None


def test_redis_is_left_alone_for_a_moment_when_it_hangs(redis_url: str, redis_client):
    with (
        connect_redis(redis_url, timeout_s=0.05) as client,
        connect_redis(redis_url, timeout_s=0.05) as patient,
    ):
        cache = RedisCache(GuardedRedis(client), patient, ttl_s=100, negative_ttl_s=5)
        redis_client.client_pause(2_000)
        started = time.monotonic()
        for _ in range(100):
            assert cache.get("abc") is None
            cache.fill("abc", LINK)
        assert time.monotonic() - started < 1.5  # two hundred time-outs would be ten seconds
        redis_client.client_unpause()


def test_redis_that_refuses_is_still_asked_for_what_it_has(
    cache: RedisCache, guarded: GuardedRedis, redis_client: "redis.Redis"
):
    cache.fill("abc", LINK)
    redis_client.set("link:odd", "no version")  # makes the script fail
    cache.fill("odd", LINK)
    assert not guarded.breaker.is_open
    assert cache.get("abc").link == LINK


def test_change_that_redis_refuses_holds_up_no_other(
    changes: PendingChanges, cache: RedisCache, redis_client: "redis.Redis"
):
    redis_client.set("link:odd", "no version")
    for code in ("odd", "abc"):
        changes.announce(code, LINK)
    assert cache.get("abc").link == LINK
    assert "odd" in changes
    redis_client.delete("link:odd")
    changes.publish()
    assert cache.get("odd").link == LINK
    assert "odd" not in changes


def test_old_target_is_not_served_by_the_process_whose_change_redis_refuses(
    changes: PendingChanges, cache: RedisCache, monkeypatch
):
    def refuse(**_: object) -> None:
        raise redis.ResponseError("You can't write against a read only replica.")

    cache.fill("abc", LINK)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_patient_put", refuse)
        changes.announce("abc", CachedLink(8, "https://example.org/new"))
        assert cache.get("abc") is None
    changes.publish()
    assert cache.get("abc").link.version == 8


def test_link_is_served_from_redis_while_a_change_is_not_confirmed(
    changes: PendingChanges, cache: RedisCache
):
    cache.fill("abc", LINK)
    changes.note_unconfirmed("abc")
    assert cache.get("abc").link == LINK


def test_slow_answer_to_a_patient_client_closes_no_breaker(
    guarded: GuardedRedis, redis_client: "redis.Redis"
):
    def answer_slowly() -> bool:
        guarded.breaker.note_failure(redis.TimeoutError("a redirect waited"))
        return True

    assert guarded.ask_patient_client(answer_slowly)
    assert guarded.breaker.is_open
    guarded.probe()
    assert not guarded.breaker.is_open
