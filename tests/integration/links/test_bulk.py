"""Many links in one call: each target gets a code of its own, whatever was there before."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cache.cached_link import to_cached_link
from app.links.code_origin import trace_code
from app.links.shorten import MAX_ATTEMPTS, MAX_BULK, Shortener
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError
from db.links import NewLink, find_link, insert_link, insert_links
from keygen.errors import CodesUnavailableError
from keygen.strategies.hash import Hashed
from tests.integration.conftest import Hop

TARGET = "https://example.org/"


class Scripted:
    """A strategy that proposes what it is told to."""

    def __init__(self, codes: Iterable[str]) -> None:
        self._codes: Iterator[str] = iter(codes)

    def candidate(self, target_url: str, attempt: int) -> str:
        return next(self._codes)


def use(hop: Hop, strategy: object) -> Shortener:
    """The test's shortener with another strategy."""
    return Shortener(hop.process.pool, hop.process.redis_cache, strategy)


def test_many_when_as_many_as_allowed_lead_to_their_targets_in_order(hop: Hop):
    targets = [f"{TARGET}{number}" for number in range(MAX_BULK)]
    made = hop.process.shortener.shorten_many(targets)
    assert [link.target_url for link in made] == targets
    assert len({link.code for link in made}) == MAX_BULK
    assert find_link(hop.process.pool, made[-1].code) == made[-1]
    assert trace_code(hop.process.pool, made[0].code).traced.id == 0
    assert hop.client.get(f"/{made[500].code}").location == targets[500]


def test_many_when_one_too_many_or_none(hop: Hop):
    with pytest.raises(ValueError, match="1,001"):
        hop.process.shortener.shorten_many([TARGET] * (MAX_BULK + 1))
    assert hop.process.shortener.shorten_many([]) == []


def test_many_when_a_code_is_an_alias_reserved_or_proposed_twice_take_the_next(hop: Hop):
    hop.process.shortener.shorten(f"{TARGET}alias", alias="mine111")
    proposed = ["mine111", "metrics", "one1111", "one1111", "two2222", "three33", "four444"]
    shortener = use(hop, Scripted(proposed))
    made = shortener.shorten_many([f"{TARGET}{number}" for number in range(4)])
    assert [link.code for link in made] == ["two2222", "three33", "one1111", "four444"]
    assert [find_link(hop.process.pool, link.code).target_url[-1] for link in made] == list("0123")
    assert find_link(hop.process.pool, "mine111").target_url == f"{TARGET}alias"


def test_many_when_their_targets_are_equal_under_hash_get_codes_of_their_own(hop: Hop):
    made = use(hop, Hashed(7)).shorten_many([TARGET] * 5)
    assert len({link.code for link in made}) == 5


def test_many_when_a_code_was_deleted_do_not_get_it_again(hop: Hop):
    hop.process.shortener.shorten(TARGET, alias="gone111")
    hop.process.editor.delete("gone111")
    [made] = use(hop, Scripted(["gone111", "new1111"])).shorten_many([TARGET])
    assert made.code == "new1111"


def test_many_when_every_code_is_taken_say_so(hop: Hop):
    hop.process.shortener.shorten(TARGET, alias="mine111")
    shortener = use(hop, Scripted(["mine111"] * MAX_ATTEMPTS))
    with pytest.raises(CodesUnavailableError):
        shortener.shorten_many([TARGET])


def test_many_when_one_was_cached_as_unknown_are_seen_at_once(hop: Hop):
    shortener = use(hop, Scripted(["early11", "other11"]))
    assert hop.resolve("early11").link.target_url is None
    shortener.shorten_many([TARGET, TARGET])
    assert hop.resolve("early11").link.target_url == TARGET


def test_cache_when_filled_with_many_keeps_newer_entries(hop: Hop):
    made = hop.process.shortener.shorten_many([TARGET, TARGET])
    hop.process.editor.edit(made[0].code, target_url=f"{TARGET}new")
    hop.process.redis_cache.fill_many(
        {link.code: to_cached_link(link) for link in made}
    )  # a late reader's
    assert hop.resolve(made[0].code).link.target_url == f"{TARGET}new"


def test_cache_when_redis_is_slow_to_take_many_is_still_used_for_redirects(hop: Hop, redis_client):
    redis_client.client_pause(200)  # four times what a redirect would wait
    made = hop.process.shortener.shorten_many([TARGET] * 250)
    for link in (made[0], made[-1]):
        assert hop.process.redis_cache.get(link.code).link == to_cached_link(link)


def test_many_when_postgres_is_away_say_so_and_when_redis_is_away_are_made(hop: Hop, monkeypatch):
    monkeypatch.setattr(hop.process.cache_redis.breaker, "allows", lambda: False)
    assert len(hop.process.shortener.shorten_many([TARGET] * 3)) == 3
    hop.process.pool.close()
    with pytest.raises(DatabaseUnavailableError):
        hop.process.shortener.shorten_many([TARGET])


def test_insert_links_when_many_want_the_same_codes_lets_one_win_each(pool: Pool):
    """In opposite orders: without an order of its own, Postgres would report deadlocks."""
    codes = [f"code{number:03}" for number in range(300)]

    def insert(number: int) -> set[str]:
        order = codes if number % 2 else codes[::-1]
        return set(insert_links(pool, [NewLink(code, f"{TARGET}{number}") for code in order]))

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(insert, range(24)))
    assert sorted(code for each in won for code in each) == codes


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_insert_links_when_some_codes_are_taken_makes_the_others(pool: Pool, data: st.DataObject):
    pool.wait()  # the pool's threads use `random`, which Hypothesis takes for the test's
    codes = data.draw(st.sets(st.text("abXY01", min_size=3, max_size=4), max_size=40))
    with pool.connection() as connection:
        connection.execute("DELETE FROM links")
    taken = {code for code in codes if data.draw(st.booleans())}
    for code in taken:
        insert_link(pool, code, f"{TARGET}before")
    made = insert_links(pool, [NewLink(code, TARGET) for code in codes])
    assert made.keys() == codes - taken
    assert all(find_link(pool, code).target_url == TARGET for code in made)
