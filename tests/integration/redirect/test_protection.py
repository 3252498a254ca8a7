"""What keeps a bad moment small: stale answers, breakers, shed load."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psycopg
import pytest
import redis

from app.cache.cached_link import CachedLink, Entry, encode_entry
from app.links.shorten import shorten
from app.process import Resources, open_resources
from app.redirect.lookup import resolve
from app.settings import Settings
from db.connect.pool import Pool, connection_to, open_pool, ping
from db.errors import DatabaseUnavailableError
from tests.integration.conftest import ADMIN, Hop
from tests.running_demo import wait_until

TARGET = "https://example.org/"


def make_stale(hop: Hop, redis_client: "redis.Redis", code: str) -> None:
    """As if the entry's time was over a moment ago."""
    link = hop.resources.store.cache.get(code).link
    now = time.time()
    redis_client.set(f"link:{code}", encode_entry(Entry(link, now - 100, now - 1)))


@pytest.fixture
def neighbour(settings: Settings) -> Iterator[Resources]:
    """A second web process, as far as it knows."""
    opened = open_resources(settings)
    yield opened
    opened.close(drain_s=0)


def test_postgres_is_asked_once_when_many_meet_a_code_that_is_not_cached(
    hop: Hop, neighbour: Resources, redis_client, database_url, monkeypatch
):
    for name in ("app.redirect.lookup.LEASE_WAIT_S", "guard.single_flight.JOIN_WITHIN_S"):
        monkeypatch.setattr(name, 10.0)  # so that a busy machine is not taken for a dead process
    code = hop.shorten(TARGET)
    redis_client.delete(f"link:{code}")
    stores = [hop.resources.store, neighbour.store]
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(12) as threads:
        holder.execute("LOCK TABLE links IN ACCESS EXCLUSIVE MODE")
        asked = [threads.submit(resolve, stores[number % 2], code) for number in range(12)]
        most = watch_waiting(database_url, seconds=0.25)
        holder.rollback()
        found = [each.result() for each in asked]
    assert most == 1
    assert {each.link.target_url for each in found} == {TARGET}
    assert sorted(each.tier for each in found if each.tier != "shared") == ["postgres", "redis"]


def watch_waiting(database_url: str, seconds: float) -> int:
    """The most queries of `links` that were seen to wait for a lock at the same time."""
    most, deadline = 0, time.monotonic() + seconds
    with psycopg.connect(database_url, autocommit=True) as watching:
        while time.monotonic() < deadline or most == 0:
            row = watching.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'links'::regclass"
            ).fetchone()
            most = max(most, row[0])
    return most


def test_entry_past_its_time_is_served_while_one_looks_and_no_longer(
    hop: Hop, redis_client, database_url
):
    code, store = hop.shorten(TARGET), hop.resources.store
    make_stale(hop, redis_client, code)
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(1) as threads:
        holder.execute("LOCK TABLE links IN ACCESS EXCLUSIVE MODE")
        looking = threads.submit(resolve, store, code)
        assert watch_waiting(database_url, seconds=0) == 1
        for _ in range(20):
            assert resolve(store, code).tier == "stale"
        holder.rollback()
        assert looking.result().tier == "postgres"
    assert resolve(store, code).tier == "redis"


def test_entry_past_its_time_is_served_and_not_remembered_when_postgres_is_away(
    hop: Hop, redis_client
):
    code = hop.shorten(TARGET)
    make_stale(hop, redis_client, code)
    hop.resources.pool.close()
    for _ in range(3):
        answer = hop.client.get(f"/{code}")
        assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert len(hop.resources.hot) == 0


def test_lease_of_a_dead_process_holds_nobody_up(hop: Hop, redis_client):
    code = hop.shorten(TARGET)
    redis_client.delete(f"link:{code}")
    redis_client.set(f"lease:{code}", b"", px=60_000)
    assert resolve(hop.resources.store, code).tier == "postgres"


def test_lease_ends_with_the_look_up_that_failed(hop: Hop, redis_client):
    hop.resources.pool.close()
    with pytest.raises(DatabaseUnavailableError):
        resolve(hop.resources.store, "nothing")
    assert not redis_client.exists("lease:nothing")


def test_look_up_that_began_before_an_edit_is_not_shared_after_it(hop: Hop, database_url):
    """Whoever asks after the edit must not be given what was read before it."""
    store, begun, let_go = hop.resources.store, threading.Event(), threading.Event()

    def read_early() -> object:
        begun.set()
        assert let_go.wait(10)
        return "old"

    with ThreadPoolExecutor(1) as threads:
        early = threads.submit(
            store.flights.share, ("edited", store.hot.last_change("/edited")), read_early
        )
        assert begun.wait(10)
        store.hot.drop("/edited")
        assert resolve(store, "edited").link == CachedLink(0)
        let_go.set()
        early.result()


def test_no_redirect_asks_a_redis_that_failed_until_it_was_probed(hop: Hop, redis_client):
    code, cache = hop.shorten(TARGET), hop.resources.store.cache
    redis_client.client_pause(1_000)
    assert hop.client.get(f"/{code}").status_code == 302
    assert cache.breaker.is_open
    for _ in range(5):
        assert resolve(hop.resources.store, code).tier == "postgres"
    wait_until(lambda: not cache.breaker.is_open, within_s=10)
    assert resolve(hop.resources.store, code).tier == "redis"


@pytest.mark.parametrize(("timeout_ms", "tier"), [(50, "postgres"), (250, "redis")])
def test_redirect_waits_for_redis_as_long_as_it_is_told(
    settings: Settings, redis_client, timeout_ms: int, tier: str
):
    patient = msgspec.structs.replace(settings, redis_timeout_ms=timeout_ms)
    with contextlib.closing(open_resources(patient)) as opened:
        code = shorten(opened.store, TARGET).code
        redis_client.client_pause(100)
        assert resolve(opened.store, code).tier == tier


def test_postgres_is_left_alone_after_failures_and_asked_again_later(tmp_path):
    with open_pool(
        f"postgresql:///hop?host={tmp_path}", name="hop-test", checkout_timeout_s=0.05
    ) as pool:
        for _ in range(5):
            with pytest.raises(DatabaseUnavailableError):
                ping(pool)
        assert pool.breaker.is_open
        asked = pool.get_stats()["requests_num"]
        for _ in range(20):
            with pytest.raises(DatabaseUnavailableError, match="left alone"):
                ping(pool)
        assert pool.get_stats()["requests_num"] == asked
        wait_until(lambda: not raises_left_alone(pool), within_s=5)


def raises_left_alone(pool: Pool) -> bool:
    try:
        ping(pool)
    except DatabaseUnavailableError as error:
        return "left alone" in str(error)
    return False


def test_breaker_stays_closed_when_postgres_answers_with_errors(pool: Pool):
    for _ in range(10):
        with pytest.raises(DatabaseUnavailableError), connection_to(pool) as connection:
            connection.execute("SELECT FROM nothing")
    assert not pool.breaker.is_open


def test_postgres_is_found_to_be_back_when_nobody_asks_for_a_link(hop: Hop):
    breaker = hop.resources.pool.breaker
    while not breaker.is_open:
        breaker.note_failure(RuntimeError("away"))
    wait_until(lambda: not breaker.is_open, 10)


def test_load_is_shed_when_all_connections_are_in_use(hop: Hop, redis_client):
    cached, cold = hop.shorten(TARGET), hop.shorten(TARGET)
    redis_client.delete(f"link:{cold}")
    pool = hop.resources.pool
    taken = [pool.getconn() for _ in range(hop.resources.settings.database_connections)]
    try:
        shed = hop.client.get(f"/{cold}")
        assert shed.status_code == 503
        assert int(shed.headers["Retry-After"]) > 0
        assert hop.client.post("/shorten", json={"url": TARGET}).status_code == 503
        assert hop.client.get(f"/{cached}").status_code == 302
    finally:
        for connection in taken:
            pool.putconn(connection)
    assert hop.client.get(f"/{cold}").status_code == 302


def test_look_up_is_shed_when_all_places_are_taken_and_links_in_a_cache_are_not(
    hop: Hop, redis_client, monkeypatch
):
    cached, cold = hop.shorten(TARGET), hop.shorten(TARGET)
    redis_client.delete(f"link:{cold}")
    bulkhead = hop.resources.pool.bulkhead
    monkeypatch.setattr(bulkhead, "_taken", hop.resources.settings.database_waiters)
    assert hop.client.get(f"/{cold}").status_code == 503
    assert hop.client.get("/api/v1/links/mine", headers=ADMIN).status_code == 503
    assert hop.client.get(f"/{cached}").status_code == 302
    monkeypatch.setattr(bulkhead, "_taken", hop.resources.settings.database_waiters - 1)
    assert hop.client.get(f"/{cold}").status_code == 302


def test_shorten_is_shed_when_all_places_are_taken_by_those_who_write(hop: Hop, pool: Pool):
    link, inserts = hop.shorten(TARGET), hop.resources.store.inserts
    asked = [
        {"url": TARGET, "alias": f"mine-{n}"}
        for n in range(hop.resources.settings.database_waiters)
    ]
    with ThreadPoolExecutor(len(asked)) as threads, pool.connection() as other:
        with other.transaction():
            other.execute("LOCK TABLE links IN SHARE MODE")  # lets readers read
            begun = threads.map(lambda body: hop.client.post("/shorten", json=body), asked)
            wait_until(lambda: len(inserts) == len(asked) - 1, 10)
            assert hop.client.post("/shorten", json={"url": TARGET}).status_code == 503
            assert hop.client.get(f"/{link}").status_code == 302
        assert [answer.status_code for answer in begun] == [201] * len(asked)


def test_metrics_tell_who_answered_and_how_counting_goes(hop: Hop):
    before = read_metrics(hop)
    code = hop.shorten(TARGET)
    answered = 0
    while not hop.resources.hot.hits:  # memory refuses what was announced a moment ago
        assert hop.client.get(f"/{code}").status_code == 302
        answered += 1
    assert hop.clicks_once(code, answered) == answered
    receipted = "hop_clicks_receipted_total"
    wait_until(lambda: difference(hop, before, receipted) == answered, within_s=10)
    assert difference(hop, before, 'hop_redirects_total{tier="redis"}') == answered - 1
    assert difference(hop, before, 'hop_redirects_total{tier="memory"}') == 1
    assert difference(hop, before, "hop_clicks_journaled_total") == answered
    assert difference(hop, before, "hop_clicks_dropped_total") == 0
    assert read_metrics(hop)["hop_clicks_waiting"] == 0
    looped = Path(hop.resources.settings.journal_dir) / "looped.journal"
    looped.symlink_to(looped)
    assert read_metrics(hop)["hop_clicks_journals_unreadable"] == 1
    looped.unlink()
    assert hop.client.get("/metrics").status_code == 401


def difference(hop: Hop, before: dict[str, float], name: str) -> float:
    return read_metrics(hop).get(name, 0) - before.get(name, 0)


def read_metrics(hop: Hop) -> dict[str, float]:
    answer = hop.client.get("/metrics", headers=ADMIN)
    assert answer.status_code == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in lines}


def test_explanation_names_the_tier_that_answers_and_counts_nothing(hop: Hop, redis_client):
    code = hop.shorten(TARGET)
    wait_until(lambda: hop.resources.hot._fresh_s > 1, within_s=5)
    assert explain(hop, code)["answered_by"] == "redis"
    hop.client.get(f"/{code}")
    explanation = explain(hop, code)
    memory, in_redis, row = explanation["steps"]
    assert explanation["answered_by"] == "memory"
    assert (memory["outcome"], memory["target_url"]) == ("hit", TARGET)
    assert 0 <= memory["age_s"] < 30 < memory["ends_in_s"] <= 60
    assert in_redis["version"] == row["version"]
    assert 3_000 < in_redis["ends_in_s"] < 4_000
    make_stale(hop, redis_client, code)
    assert explain(hop, code)["steps"][1]["outcome"] == "stale"
    assert explain(hop, "nothing")["answered_by"] == "postgres"
    assert explain(hop, "x")["answered_by"] == "rule"
    assert hop.clicks_once(code, 1) == 1


def explain(hop: Hop, code: str) -> dict:
    return hop.client.get(f"/api/v1/links/{code}/explain", headers=ADMIN).json


def test_server_timing_is_told_to_the_admin_alone(hop: Hop, redis_client):
    code = hop.shorten(TARGET)
    wait_until(lambda: hop.resources.hot._fresh_s > 1, within_s=5)
    redis_client.delete(f"link:{code}")

    def timing() -> str:
        return str(hop.client.get(f"/{code}", headers=ADMIN).headers["Server-Timing"])

    assert [step.split(";")[0] for step in timing().split(", ")] == ["memory", "redis", "postgres"]
    wait_until(lambda: timing().startswith('memory;desc="hit age 0.'), within_s=5)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = hop.client.get(f"/{code}", headers=headers)
        assert answer.status_code == 302
        assert "Server-Timing" not in answer.headers


def test_redirect_of_an_admin_is_answered_without_timing_when_postgres_is_away(hop: Hop):
    code = hop.shorten(TARGET)
    hop.resources.pool.close()
    answer = hop.client.get(f"/{code}", headers=ADMIN)
    assert (answer.status_code, "Server-Timing" in answer.headers) == (302, False)
