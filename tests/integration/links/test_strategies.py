"""One suite for all strategies, on a real Postgres: the INSERT decides, whatever proposes codes."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import get_args

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.cache.redis_cache import RedisCache
from app.links.codes import CodeSource, open_strategy
from app.links.shorten import Shortener
from app.settings import Settings
from db.connect.pool import Pool, open_pool
from db.connect.redis_client import GuardedRedis, connect_redis
from db.errors import DatabaseUnavailableError
from db.links import find_link
from keygen.errors import CodesUnavailableError
from keygen.strategies import Strategy, StrategyName

NAMES: tuple[str, ...] = get_args(StrategyName)
# What makes codes while the database is away: for ever, or until a range or a lease is used up.
NEED_NO_DATABASE = {"range", "permuted", "random", "hash", "snowflake"}

PROCESSES, THREADS, LINKS_PER_THREAD = 3, 4, 40
URL = "https://example.org/"


def open_codes(name: str, pool: Pool, *, shortest: int = 7, range_size: int = 100) -> CodeSource:
    settings = Settings(
        database_url="",
        redis_url="",
        keygen=name,  # type: ignore[arg-type]
        range_size=range_size,
        range_size_min=range_size,
        range_size_max=range_size,
    )
    return open_strategy(settings, pool, shortest)


def make_shortener(pool: Pool, strategy: Strategy) -> Shortener:
    """A shortener whose Redis is away: links go to Postgres alone."""
    client = connect_redis("unix:///nonexistent", timeout_s=0.1)
    cache = RedisCache(GuardedRedis(client), client, ttl_s=1, negative_ttl_s=1)
    return Shortener(pool, cache, strategy)


@contextmanager
def open_shortener(name: str, pool: Pool, *, shortest: int = 7) -> Iterator[Shortener]:
    codes = open_codes(name, pool, shortest=shortest)
    try:
        yield make_shortener(pool, codes.strategy)
    finally:
        codes.close()


@contextmanager
def taken_away(database_url: str) -> Iterator[None]:
    """Close a database's connections and let no others in."""
    name = conninfo_to_dict(database_url)["dbname"]
    maintenance = make_conninfo(database_url, dbname="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        is_away = False
        while not is_away:  # a connection that is being made escapes the first round
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                (name,),
            )
            is_away = _is_renamed(connection, name)
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _is_renamed(connection: psycopg.Connection, name: str) -> bool:
    """Rename a database: Postgres refuses while a client is connected, or still connecting."""
    try:
        connection.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
    except psycopg.errors.ObjectInUse:
        return False
    return True


def make_links(database_url: str, name: str) -> list[str]:
    """What each process does: links from several threads, the same targets in all of them."""
    with (
        open_pool(database_url, name="hop-test") as pool,
        open_shortener(name, pool) as shortener,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        targets = [f"{URL}{number}" for number in range(LINKS_PER_THREAD)] * THREADS
        return list(threads.map(lambda target: shortener.shorten(target).code, targets))


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as executor:
        yield executor


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_unique_when_threads_and_processes_shorten(name, database_url, pool, processes):
    running = [processes.submit(make_links, database_url, name) for _ in range(PROCESSES)]
    codes = [code for each in running for code in each.result(timeout=60)]
    assert len(set(codes)) == len(codes) == PROCESSES * THREADS * LINKS_PER_THREAD
    with pool.connection() as connection:
        stored = connection.execute("SELECT code FROM links").fetchall()
    assert {code for (code,) in stored} == set(codes)


@pytest.mark.parametrize("name", NAMES)
def test_a_code_in_use_is_skipped(name, pool):
    class OnceUnlucky:
        """Proposes a code in use first."""

        def __init__(self, strategy: Strategy, taken: str) -> None:
            self._strategy, self._taken = strategy, taken

        def candidate(self, target_url: str, attempt: int) -> str:
            return self._taken if attempt == 0 else self._strategy.candidate(target_url, attempt)

    with open_shortener(name, pool) as shortener:
        first = shortener.shorten(f"{URL}first")
        unlucky = make_shortener(pool, OnceUnlucky(shortener.strategy, first.code))
        second = unlucky.shorten(f"{URL}second")
        assert second.code != first.code
        assert find_link(pool, first.code) == first


@pytest.fixture
def impatient(database_url: str) -> Iterator[Pool]:
    with open_pool(database_url, name="hop-test", checkout_timeout_s=0.1) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_database_away_is_a_clear_error_and_its_return_the_end_of_it(name, database_url, impatient):
    with open_shortener(name, impatient) as shortener:
        shortener.shorten(URL)
        with taken_away(database_url):
            with pytest.raises((CodesUnavailableError, DatabaseUnavailableError)):
                shortener.shorten(URL)
            if name in NEED_NO_DATABASE:
                assert shortener.strategy.candidate(URL, 0)
            else:
                with pytest.raises((CodesUnavailableError, DatabaseUnavailableError)):
                    shortener.strategy.candidate(URL, 0)
        deadline = time.monotonic() + 10
        while not can_shorten(shortener):
            assert time.monotonic() < deadline


def can_shorten(shortener: Shortener) -> bool:
    try:
        return bool(shortener.shorten(URL).code)
    except (CodesUnavailableError, DatabaseUnavailableError):
        return False


@pytest.mark.parametrize("name", ["range", "permuted"])
def test_ranges_in_hand_are_used_up_when_the_database_is_away(name, database_url, impatient):
    codes = open_codes(name, impatient, range_size=50)
    made = {codes.strategy.candidate(URL, 0)}
    with taken_away(database_url):
        made |= {codes.strategy.candidate(URL, 0) for _ in range(49)}
        with pytest.raises(CodesUnavailableError, match="no id is left"):
            codes.strategy.candidate(URL, 0)
    codes.close()
    assert len(made) == 50


@pytest.mark.parametrize("name", [name for name in NAMES if name != "snowflake"])
def test_codes_grow_by_a_character_when_the_space_is_full(name, pool):
    shortest = 2 if name == "permuted" else 1
    fill = 62**shortest
    with open_shortener(name, pool, shortest=shortest) as shortener:
        codes = [shortener.shorten(f"{URL}{number}").code for number in range(fill + 40)]
    assert len(set(codes)) == len(codes)
    lengths = {len(code) for code in codes}
    assert shortest in lengths
    # The code pool is filled ahead, and hands out its codes in no particular order.
    assert max(lengths) > shortest if name == "pool" else shortest + 1 in lengths


def test_a_snowflake_always_has_11_characters(pool):
    with open_shortener("snowflake", pool) as shortener:
        assert {len(shortener.shorten(URL).code) for _ in range(100)} == {11}
