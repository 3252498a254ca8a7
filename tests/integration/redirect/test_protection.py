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

from app.cache.redis_cache import CacheEntry, encode_entry
from app.process import WebProcess, open_process
from app.redirect import lookup
from app.settings import Settings
from db.connect.pool import Pool, connection_to, open_pool, ping
from db.errors import DatabaseUnavailableError
from db.links import insert_link
from tests.integration.conftest import ADMIN, Hop
from tests.running_demo import wait_until

TARGET = "https://example.org/"
CLIENT = "192.0.2.1"


def make_stale(hop: Hop, redis_client: "redis.Redis", code: str) -> None:
    """As if the entry's time was over a moment ago."""
    link = hop.process.redis_cache.get(code).link
    now = time.time()
    redis_client.set(f"link:{code}", encode_entry(CacheEntry(link, now - 100, now - 1)))


@pytest.fixture
def neighbour(settings: Settings) -> Iterator[WebProcess]:
    """A second web process, as far as it knows."""
    opened = open_process(settings)
    yield opened
    opened.close(drain_s=0)


def test_postgres_is_asked_once_when_many_meet_a_code_that_is_not_cached(
    hop: Hop, neighbour: WebProcess, redis_client, database_url, monkeypatch
):
    waits = ("LEASE_WAIT_S", "JOIN_WITHIN_S")
    for name in (
        *(f"app.redirect.lookup.{wait}" for wait in waits),
        f"guard.single_flight.{waits[1]}",
    ):
        monkeypatch.setattr(name, 10.0)  # so that a busy machine is not taken for a dead process
    code = hop.shorten(TARGET)
    redis_client.delete(f"link:{code}")
    readers = [hop.process.reader, neighbour.reader]
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(12) as threads:
        holder.execute("LOCK TABLE links IN ACCESS EXCLUSIVE MODE")
        asked = [threads.submit(readers[number % 2].resolve, code, CLIENT) for number in range(12)]
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
    code = hop.shorten(TARGET)
    make_stale(hop, redis_client, code)
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(1) as threads:
        holder.execute("LOCK TABLE links IN ACCESS EXCLUSIVE MODE")
        looking = threads.submit(hop.resolve, code)
        assert watch_waiting(database_url, seconds=0) == 1
        for _ in range(20):
            assert hop.resolve(code).tier == "stale"
        holder.rollback()
        assert looking.result().tier == "postgres"
    assert hop.resolve(code).tier == "redis"


def test_entry_past_its_time_is_served_and_not_remembered_when_postgres_is_away(
    hop: Hop, redis_client
):
    code = hop.shorten(TARGET)
    make_stale(hop, redis_client, code)
    hop.process.pool.close()
    for _ in range(3):
        answer = hop.client.get(f"/{code}")
        assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert len(hop.process.memory) == 0


def test_lease_of_a_dead_process_holds_nobody_up(hop: Hop, redis_client):
    code = hop.shorten(TARGET)
    redis_client.delete(f"link:{code}")
    redis_client.set(f"lease:{code}", b"", px=60_000)
    assert hop.resolve(code).tier == "postgres"


def test_lease_ends_with_the_look_up_that_failed(hop: Hop, redis_client):
    hop.process.pool.close()
    with pytest.raises(DatabaseUnavailableError):
        hop.resolve("nothing")
    assert not redis_client.exists("lease:nothing")


def test_look_up_that_began_before_an_edit_is_not_shared_after_it(
    hop: Hop, pool: Pool, monkeypatch
):
    """Whoever asks after the edit must not be given what was read before it."""
    begun, let_go = threading.Event(), threading.Event()
    find_link = lookup.find_link

    def find_slowly(pool: Pool, code: str) -> object:
        if begun.is_set():
            return find_link(pool, code)
        old = find_link(pool, code)
        begun.set()
        assert let_go.wait(10)
        return old

    monkeypatch.setattr(lookup, "find_link", find_slowly)
    monkeypatch.setattr(lookup, "LEASE_WAIT_S", 0.0)  # the early look-up holds the lease
    with ThreadPoolExecutor(1) as threads:
        early = threads.submit(hop.resolve, "edited")
        assert begun.wait(10)
        insert_link(pool, "edited", TARGET)
        hop.process.memory.drop("/edited")
        assert hop.resolve("edited").link.target_url == TARGET
        let_go.set()
        assert early.result().link.target_url is None


def test_no_redirect_asks_a_redis_that_failed_until_it_was_probed(hop: Hop, redis_client):
    code, breaker = hop.shorten(TARGET), hop.process.cache_redis.breaker
    redis_client.client_pause(1_000)
    assert hop.client.get(f"/{code}").status_code == 302
    assert breaker.is_open
    for _ in range(5):
        assert hop.resolve(code).tier == "postgres"
    wait_until(lambda: not breaker.is_open, within_s=10)
    assert hop.resolve(code).tier == "redis"


@pytest.mark.parametrize(("timeout_ms", "tier"), [(50, "postgres"), (250, "redis")])
def test_redirect_waits_for_redis_as_long_as_it_is_told(
    settings: Settings, redis_client, timeout_ms: int, tier: str
):
    patient = msgspec.structs.replace(settings, redis_timeout_ms=timeout_ms)
    with contextlib.closing(open_process(patient)) as opened:
        code = opened.shortener.shorten(TARGET).code
        redis_client.client_pause(100)
        assert opened.reader.resolve(code, CLIENT).tier == tier


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
            with pytest.raises(DatabaseUnavailableError, match="breaker is open"):
                ping(pool)
        assert pool.get_stats()["requests_num"] == asked
        wait_until(lambda: not raises_breaker_open(pool), within_s=5)


def raises_breaker_open(pool: Pool) -> bool:
    try:
        ping(pool)
    except DatabaseUnavailableError as error:
        return "breaker is open" in str(error)
    return False


def test_breaker_stays_closed_when_postgres_answers_with_errors(pool: Pool):
    for _ in range(10):
        with pytest.raises(DatabaseUnavailableError), connection_to(pool) as connection:
            connection.execute("SELECT FROM nothing")
    assert not pool.breaker.is_open


def test_postgres_is_found_to_be_back_when_nobody_asks_for_a_link(hop: Hop):
    breaker = hop.process.pool.breaker
    while not breaker.is_open:
        breaker.note_failure(RuntimeError("away"))
    wait_until(lambda: not breaker.is_open, 10)


def test_load_is_shed_when_all_connections_are_in_use(hop: Hop, redis_client):
    cached, cold = hop.shorten(TARGET), hop.shorten(TARGET)
    redis_client.delete(f"link:{cold}")
    pool = hop.process.pool
    taken = [pool.getconn() for _ in range(hop.process.settings.database_connections)]
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
    bulkhead = hop.process.pool.bulkhead
    monkeypatch.setattr(bulkhead, "_taken", hop.process.settings.database_waiters)
    assert hop.client.get(f"/{cold}").status_code == 503
    assert hop.client.get("/api/v1/links/mine", headers=ADMIN).status_code == 503
    assert hop.client.get(f"/{cached}").status_code == 302
    monkeypatch.setattr(bulkhead, "_taken", hop.process.settings.database_waiters - 1)
    assert hop.client.get(f"/{cold}").status_code == 302


def test_shorten_is_shed_when_all_places_are_taken_by_those_who_write(hop: Hop, pool: Pool):
    link, inserts = hop.shorten(TARGET), hop.process.shortener.inserts
    asked = [
        {"url": TARGET, "alias": f"mine-{n}"} for n in range(hop.process.settings.database_waiters)
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
    while not hop.process.memory.hits:  # memory refuses what was announced a moment ago
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
    looped = Path(hop.process.settings.journal_dir) / "looped.journal"
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
    wait_until(lambda: hop.process.memory.is_tracked, within_s=5)
    assert explain(hop, code)["answered_by"] == "redis"
    hop.client.get(f"/{code}")
    explanation = explain(hop, code)
    memory, in_redis, row = explanation["steps"]
    assert explanation["answered_by"] == "memory"
    assert (memory["outcome"], memory["target_url"]) == ("hit", TARGET)
    assert 30 < memory["ends_in_s"] <= 60
    assert in_redis["version"] == row["version"]
    assert 3_000 < in_redis["ends_in_s"] < 4_000
    make_stale(hop, redis_client, code)
    assert explain(hop, code)["steps"][1]["outcome"] == "stale"
    assert explain(hop, "nothing")["answered_by"] == "postgres"
    assert explain(hop, "x")["answered_by"] == "rule"
    assert explain(hop, "x")["steps"] == [{"tier": "rule", "outcome": "unknown", "took_ms": 0.0}]
    assert hop.clicks_once(code, 1) == 1


def explain(hop: Hop, code: str) -> dict:
    return hop.client.get(f"/api/v1/links/{code}/explain", headers=ADMIN).json


def test_request_with_credentials_is_answered_from_memory_like_any_other(hop: Hop):
    code = hop.shorten(TARGET)
    wait_until(lambda: hop.process.memory.is_tracked, within_s=5)
    wait_until(lambda: hop.client.get(f"/{code}") and hop.process.memory.find(f"/{code}"), 5)
    before = hop.process.memory.hits
    plain, admin = (hop.client.get(f"/{code}", headers=headers) for headers in ({}, ADMIN))
    assert hop.process.memory.hits == before + 2
    assert (admin.status_code, admin.headers) == (302, plain.headers)
