"""The limit on unknown codes: a scan is slow and cheap, and links in use are never limited."""

import dataclasses

import pytest

from app.factory import create_app
from app.process import WebProcess
from app.redirect.guess_limit import GuessLimit
from app.redirect.lookup import LinkReader
from app.settings import Settings, read_limit
from db.connect.redis_client import GuardedRedis, connect_redis
from tests.integration.conftest import Hop

TARGET = "https://example.org/"


@pytest.fixture
def limited(hop: Hop) -> Hop:
    """The same with a limit of three unknown codes a minute."""
    process = with_limit(hop, hop.process.cache_redis)
    return dataclasses.replace(hop, process=process, client=create_app(process).test_client())


def with_limit(hop: Hop, guarded: GuardedRedis) -> WebProcess:
    opened = hop.process
    limit = GuessLimit(read_limit("3/minute"), guarded, opened.recorder.pseudonym)
    reader = LinkReader(opened.pool, opened.memory, opened.redis_cache, limit)
    return dataclasses.replace(opened, reader=reader, guess_limit=limit)


def statuses(hop: Hop, *codes: str, client: str = "192.0.2.7") -> list[int]:
    environ = {"REMOTE_ADDR": client}
    return [hop.client.get(f"/{code}", environ_base=environ).status_code for code in codes]


SCAN = [f"guess{number}" for number in range(5)]


def test_scan_is_refused_and_links_in_use_are_not(limited: Hop, redis_client):
    cached, cold = limited.shorten(TARGET), limited.shorten(TARGET)
    redis_client.delete(f"link:{cold}")
    assert statuses(limited, *SCAN) == [404, 404, 404, 429, 429]
    refused = limited.client.get("/guess9", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json["type"] == "/problems/too-many-unknown-codes"
    assert statuses(limited, cached, cached, *SCAN[:3]) == [302, 302, 404, 404, 404]
    assert statuses(limited, cold) == [429]  # nobody uses it, and so it looks like a guess
    assert statuses(limited, cold, client="192.0.2.8") == [302]
    assert statuses(limited, cold) == [302]  # now somebody does


def test_scan_costs_postgres_nothing_once_it_is_refused(limited: Hop):
    statuses(limited, *SCAN)
    asked = limited.process.pool.get_stats()["requests_num"]
    assert set(statuses(limited, *(f"more{number}" for number in range(20)))) == {429}
    assert limited.process.pool.get_stats()["requests_num"] == asked


def test_guesses_at_counts_are_guesses(limited: Hop):
    known = limited.shorten(TARGET)
    asked = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    for _ in range(20):  # as the front page does, which knows its codes
        assert limited.client.get(f"/counts?codes={known}", **asked).json == {known: 0}
    guesses = limited.client.get(f"/counts?codes=guess1,{known},guess2,guess3", **asked)
    assert guesses.json == {known: 0}
    assert limited.client.get("/counts?codes=guess4", **asked).status_code == 429
    assert statuses(limited, "guess5") == [429]
    assert statuses(limited, known) == [302]
    assert limited.client.get("/counts?codes=guess4").status_code == 200  # another client


def test_clients_of_one_ipv6_network_are_one(limited: Hop):
    for number in range(3):
        assert statuses(limited, f"guess{number}", client=f"2001:db8::{number}") == [404]
    assert statuses(limited, "guess3", client="2001:db8::ffff") == [429]
    assert statuses(limited, "guess3", client="2001:db8:0:1::1") == [404]


def test_redis_holds_no_address_of_those_who_guess(limited: Hop, redis_client):
    statuses(limited, *SCAN)
    keys = [key for key in redis_client.scan_iter() if b"LIMIT" in key]
    assert keys
    assert not any(b"192.0.2" in key for key in keys)


def test_scan_is_refused_from_memory_when_redis_is_away(hop: Hop, tmp_path):
    with connect_redis(f"unix://{tmp_path}/nothing.sock", timeout_s=0.05) as away:
        client = create_app(with_limit(hop, GuardedRedis(away))).test_client()
        assert [client.get(f"/{code}").status_code for code in SCAN] == [404, 404, 404, 429, 429]


def test_nobody_is_limited_when_it_is_off(hop: Hop):
    assert set(statuses(hop, *(f"guess{number}" for number in range(100)))) == {404}


def test_default_limits_guesses():
    assert read_limit(Settings(database_url="", redis_url="").rate_limit) is not None
    assert read_limit("off") is None
    with pytest.raises(ValueError, match="60/minute"):
        read_limit("often")


def test_settings_say_what_a_limit_looks_like():
    environ = {"HOP_DATABASE_URL": "postgresql://", "HOP_REDIS_URL": "unix://"}
    assert Settings.from_env({**environ, "HOP_RATE_LIMIT": "off"}).rate_limit == "off"
    with pytest.raises(Exception, match="HOP_RATE_LIMIT='often': expected a rate"):
        Settings.from_env({**environ, "HOP_RATE_LIMIT": "often"})


def test_scan_switches_no_cache_off_when_redis_refuses_to_count_it(limited: Hop, redis_client):
    before = redis_client.config_get("maxmemory")["maxmemory"]
    cached = limited.shorten(TARGET)
    redis_client.config_set("maxmemory-policy", "noeviction")
    redis_client.config_set("maxmemory", 1)
    try:
        assert statuses(limited, *SCAN) == [404, 404, 404, 429, 429]
        assert not limited.process.cache_redis.breaker.is_open
        assert statuses(limited, cached) == [302]
    finally:
        redis_client.config_set("maxmemory", before)
        redis_client.config_set("maxmemory-policy", "volatile-lru")
