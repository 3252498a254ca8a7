"""Many links in one call: each target gets a code of its own, whatever was there before."""

import dataclasses
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cache.cached_link import cached_form
from app.links import shorten as links
from app.links.bulk import MOST_AT_ONCE, shorten_many
from app.links.code_origin import trace_code
from app.redirect import lookup as lookups
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


def use(hop: Hop, strategy: object) -> links.LinkStore:
    """The test's store with another strategy."""
    store = hop.resources.store
    return dataclasses.replace(store, strategy=strategy)


def test_many_when_as_many_as_allowed_lead_to_their_targets_in_order(hop: Hop):
    store = hop.resources.store
    targets = [f"{TARGET}{number}" for number in range(MOST_AT_ONCE)]
    made = shorten_many(store, targets)
    assert [link.target_url for link in made] == targets
    assert len({link.code for link in made}) == MOST_AT_ONCE
    assert find_link(store.pool, made[-1].code) == made[-1]
    assert trace_code(store.pool, made[0].code).traced.id == 0
    assert hop.client.get(f"/{made[500].code}").location == targets[500]


def test_many_when_one_too_many_or_none(hop: Hop):
    with pytest.raises(ValueError, match="1,001"):
        shorten_many(hop.resources.store, [TARGET] * (MOST_AT_ONCE + 1))
    assert shorten_many(hop.resources.store, []) == []


def test_many_when_a_code_is_an_alias_reserved_or_proposed_twice_take_the_next(hop: Hop):
    links.shorten(hop.resources.store, f"{TARGET}alias", alias="mine111")
    proposed = ["mine111", "metrics", "one1111", "one1111", "two2222", "three33", "four444"]
    store = use(hop, Scripted(proposed))
    made = shorten_many(store, [f"{TARGET}{number}" for number in range(4)])
    assert [link.code for link in made] == ["two2222", "three33", "one1111", "four444"]
    assert [find_link(store.pool, link.code).target_url[-1] for link in made] == list("0123")
    assert find_link(store.pool, "mine111").target_url == f"{TARGET}alias"
    assert store.conflicts.total == 2  # a reserved word is none, as with a single link


def test_many_when_their_targets_are_equal_under_hash_get_codes_of_their_own(hop: Hop):
    made = shorten_many(use(hop, Hashed(7)), [TARGET] * 5)
    assert len({link.code for link in made}) == 5


def test_many_when_a_code_was_deleted_do_not_get_it_again(hop: Hop):
    store = hop.resources.store
    links.shorten(store, TARGET, alias="gone111")
    links.delete(store, "gone111")
    [made] = shorten_many(use(hop, Scripted(["gone111", "new1111"])), [TARGET])
    assert made.code == "new1111"


def test_many_when_every_code_is_taken_say_so(hop: Hop):
    links.shorten(hop.resources.store, TARGET, alias="mine111")
    store = use(hop, Scripted(["mine111"] * links.MAX_ATTEMPTS))
    with pytest.raises(CodesUnavailableError):
        shorten_many(store, [TARGET])


def test_many_when_one_was_cached_as_unknown_are_seen_at_once(hop: Hop):
    store = use(hop, Scripted(["early11", "other11"]))
    assert lookups.resolve(store, "early11").link.target_url is None
    shorten_many(store, [TARGET, TARGET])
    assert lookups.resolve(store, "early11").link.target_url == TARGET


def test_cache_when_filled_with_many_keeps_newer_entries(hop: Hop):
    store = hop.resources.store
    made = shorten_many(store, [TARGET, TARGET])
    links.edit(store, made[0].code, target_url=f"{TARGET}new")
    store.cache.fill_many({link.code: cached_form(link) for link in made})  # a late reader's
    assert lookups.resolve(store, made[0].code).link.target_url == f"{TARGET}new"


def test_cache_when_redis_is_slow_to_take_many_is_still_used_for_redirects(hop: Hop, redis_client):
    store = hop.resources.store
    redis_client.client_pause(200)  # four times what a redirect would wait
    made = shorten_many(store, [TARGET] * 250)
    for link in (made[0], made[-1]):
        assert store.cache.get(link.code).link == cached_form(link)


def test_many_when_postgres_is_away_say_so_and_when_redis_is_away_are_made(hop: Hop, monkeypatch):
    store = hop.resources.store
    monkeypatch.setattr(store.cache, "breaker", SimpleNamespace(allows=lambda: False))
    assert len(shorten_many(store, [TARGET] * 3)) == 3
    store.pool.close()
    with pytest.raises(DatabaseUnavailableError):
        shorten_many(store, [TARGET])


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
    codes = data.draw(st.sets(st.text("abXY01", min_size=3, max_size=4), max_size=40))
    with pool.connection() as connection:
        connection.execute("DELETE FROM links")
    taken = {code for code in codes if data.draw(st.booleans())}
    for code in taken:
        insert_link(pool, code, f"{TARGET}before")
    made = insert_links(pool, [NewLink(code, TARGET) for code in codes])
    assert made.keys() == codes - taken
    assert all(find_link(pool, code).target_url == TARGET for code in made)
