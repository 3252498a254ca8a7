"""The benchmark measures what it claims: without a tier, hop asks the next one."""

import shutil
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from bench.growth.look_ups import _code, _fill
from bench.http.point import measure
from bench.http.subjects import HOP, HOP_WITHOUT_COUNTING, HOP_WITHOUT_MEMORY, Subject
from bench.http.wrk import CONNECTIONS
from bench.machine import split_cores
from bench.servers.backends import Backends, running_backends
from bench.servers.web_server import ServerError, running_server
from db.connect.pool import open_pool
from db.links import find_link

HOT = Subject("hop hot", "gunicorn", HOP)
UNCOUNTED = Subject("hop hot, uncounted", "gunicorn", HOP_WITHOUT_COUNTING)
REDIS = Subject("hop, Redis", "gunicorn", HOP_WITHOUT_MEMORY, "many links")
POSTGRES = Subject("hop, Postgres", "gunicorn", HOP_WITHOUT_MEMORY, "many links", needs_redis=False)


@pytest.mark.alone
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_tier_when_left_out_is_not_queried_and_every_click_is_counted():
    with running_backends(links=20) as backends:
        points, in_redis, in_postgres = [], [], []
        for subject in (HOT, REDIS, POSTGRES):
            before = count_look_ups(backends)
            points.append(measure(subject, 0, backends, split_cores(), 1))
            after = count_look_ups(backends)
            in_redis.append(after[0] - before[0])
            in_postgres.append(after[1] - before[1])
        hot, cached, uncached = (point.clicks for point in points)
        points.append(measure(UNCOUNTED, 0, backends, split_cores(), 1))
        assert points[-1].requests > 0
        assert points[-1].clicks == 0
        assert max(in_redis[0], in_postgres[0]) < hot / 10
        assert in_redis[1] > cached / 2
        assert in_postgres[1] < cached / 10
        assert in_redis[2] < uncached / 10
        assert in_postgres[2] > uncached / 2
        assert {point.refused + point.broken for point in points} == {0}
        answered = hot + cached + uncached
        in_flight = 2 * CONNECTIONS * 3
        assert answered <= backends.count_clicks(answered) <= answered + in_flight


def count_look_ups(backends: Backends) -> tuple[int, int]:
    """Redis keys found and rows of links read by primary key, so far."""
    with redis.Redis.from_url(backends.redis_url) as client:
        hits = client.info("stats")["keyspace_hits"]
    with psycopg.connect(backends.database_url) as connection:
        row = connection.execute(
            "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'links'"
        ).fetchone()
    return hits, row[0]


def test_growth_looks_up_the_codes_that_it_inserts(database_url: str):
    size = _fill(database_url, 500)
    assert size.links == 500
    assert size.table_bytes > 500 * 100
    with open_pool(database_url, name="hop-test") as pool:
        assert find_link(pool, _code(1)).target_url.endswith("number=1")
        assert find_link(pool, _code(500)).target_url.endswith("number=500")
        assert find_link(pool, _code(501)) is None
    with psycopg.connect(database_url) as connection:
        [lengths] = connection.execute("SELECT array_agg(DISTINCT length(code)) FROM links")
    assert lengths == ([7],)


def test_server_when_it_fails_to_start_is_reported_with_its_output(tmp_path: Path):
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "no.such.module:app"]
    log, cores = tmp_path / "log", split_cores().server
    with (
        pytest.raises(ServerError, match=r"(?s)ended with status 3.*No module named"),
        running_server(command, url="http://127.0.0.1:9/", log=log, cores=cores),
    ):
        pass
