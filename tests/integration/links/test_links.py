"""Links in Postgres: a code maps to one link, whoever asks at the same time."""

import dataclasses
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app.cache.cached_link import to_cached_link
from app.errors import AliasTakenError, LinkNotFoundError
from app.links import edit, shorten
from app.process import open_process
from app.settings import Settings
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError
from db.links import Link, NewLink, delete_link, find_link, insert_link, update_link
from tests.integration.conftest import Hop
from tests.running_demo import wait_until

TARGET = "https://example.org/"


def test_insert_link_lets_one_win_when_two_hundred_want_the_same_code(pool: Pool):
    with ThreadPoolExecutor(50) as threads:
        made = list(threads.map(lambda n: insert_link(pool, "mine", f"{TARGET}{n}"), range(200)))
    winners = [link for link in made if link is not None]
    assert len(winners) == 1
    assert find_link(pool, "mine") == winners[0]


def test_codes_are_case_sensitive(pool: Pool):
    insert_link(pool, "abc", f"{TARGET}small")
    insert_link(pool, "ABC", f"{TARGET}capital")
    assert find_link(pool, "ABC").target_url == f"{TARGET}capital"


def test_update_link_refuses_when_the_link_was_changed_meanwhile(pool: Pool):
    read = insert_link(pool, "abc", TARGET)
    first = update_link(pool, dataclasses.replace(read, target_url=f"{TARGET}first"))
    assert update_link(pool, dataclasses.replace(read, target_url=f"{TARGET}late")) is None
    assert find_link(pool, "abc") == first
    assert first.version > read.version


def test_deleted_code_stays_taken_and_forgets_its_target(pool: Pool):
    link = insert_link(pool, "gone", "https://example.org/private")
    deletion = delete_link(pool, "gone")
    assert deletion.version > link.version
    assert delete_link(pool, "gone") == dataclasses.replace(deletion, is_new=False)
    assert delete_link(pool, "never") is None
    assert find_link(pool, "gone") is None
    assert insert_link(pool, "gone", TARGET) is None
    with pool.connection() as connection:
        rows = connection.execute("SELECT target_url FROM links").fetchall()
    assert rows == [("",)]


def test_shorten_skips_a_generated_code_when_it_is_taken_or_reserved(hop: Hop, monkeypatch):
    hop.process.shortener.shorten(TARGET, alias="AbCdEfG")
    codes = iter(["AbCdEfG", "metrics", "Shorten", "zzzzzzz"])
    monkeypatch.setattr(type(hop.process.codes.strategy), "candidate", lambda *_: next(codes))
    assert hop.process.shortener.shorten(TARGET).code == "zzzzzzz"


def test_shorten_when_others_do_too_shares_their_write_and_one_gets_an_alias(
    hop: Hop, pool: Pool, monkeypatch
):
    groups = []
    insert = shorten.insert_links

    def record(pool: Pool, group: Collection[NewLink]) -> dict[str, Link]:
        groups.append({new.code for new in group})
        return insert(pool, group)

    def shorten_as(alias: str) -> str:
        try:
            return hop.process.shortener.shorten(f"{TARGET}{alias}", alias).target_url
        except AliasTakenError:
            return "taken"

    monkeypatch.setattr(shorten, "insert_links", record)
    with ThreadPoolExecutor(5) as threads:
        with pool.connection() as other, other.transaction():
            other.execute("INSERT INTO links (code, target_url) VALUES ('first', 'https://a.b/')")
            first = threads.submit(shorten_as, "first")  # waits for the other to commit
            wait_until(lambda: groups, 10)
            later = [threads.submit(shorten_as, alias) for alias in ("a-1", "a-1", "a-2", "first")]
            wait_until(lambda: len(hop.process.shortener.inserts) == 4, 10)
        results = [each.result() for each in later]
    assert first.result() == "taken"
    assert sorted(results) == sorted([f"{TARGET}a-1", "taken", f"{TARGET}a-2", "taken"])
    assert groups == [{"first"}, {"a-1", "a-2", "first"}]
    assert hop.resolve("a-2").tier == "redis"


def test_shorten_refuses_an_alias_when_it_is_taken(hop: Hop):
    hop.process.shortener.shorten(TARGET, alias="mine")
    with pytest.raises(AliasTakenError) as caught:
        hop.process.shortener.shorten(TARGET, alias="mine")
    assert caught.value.field == "alias"


def test_resolve_sees_an_alias_at_once_when_it_was_cached_as_unknown(hop: Hop):
    assert hop.resolve("later").link.target_url is None
    hop.process.shortener.shorten(TARGET, alias="later")
    assert hop.resolve("later").link.target_url == TARGET


def test_resolve_sees_every_edit_at_once_when_the_link_is_cached(hop: Hop):
    hop.process.shortener.shorten(TARGET, alias="mine")
    hop.process.editor.edit("mine", target_url=f"{TARGET}new")
    assert hop.resolve("mine").link.target_url == f"{TARGET}new"
    end = datetime.now(UTC) + timedelta(hours=1)
    hop.process.editor.edit("mine", expires_at=end, enabled=False)
    entry = hop.resolve("mine").link
    assert (entry.enabled, entry.expires_at) == (False, end.timestamp())
    hop.process.editor.delete("mine")
    assert hop.resolve("mine").link.target_url is None


def test_resolve_keeps_the_new_target_when_a_slow_reader_fills_late(hop: Hop):
    hop.process.shortener.shorten(TARGET, alias="mine")
    slow = to_cached_link(find_link(hop.process.pool, "mine"))  # read before the edit ...
    hop.process.editor.edit("mine", target_url=f"{TARGET}new")
    hop.process.redis_cache.fill("mine", slow)  # ... and written after it
    assert hop.resolve("mine").link.target_url == f"{TARGET}new"


def test_edit_applies_both_changes_when_two_come_at_the_same_time(hop: Hop):
    hop.process.shortener.shorten(TARGET, alias="mine")
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(hop.process.editor.edit, "mine", target_url=f"{TARGET}new")
        two = threads.submit(hop.process.editor.edit, "mine", enabled=False)
        one.result(), two.result()
    link = hop.process.editor.get_link("mine")
    assert (link.target_url, link.enabled) == (f"{TARGET}new", False)
    assert hop.resolve("mine").link == to_cached_link(link)


def test_edit_and_delete_say_so_when_there_is_no_link(hop: Hop):
    editor = hop.process.editor
    for action in (editor.edit, editor.delete, editor.get_link):
        with pytest.raises(LinkNotFoundError):
            action("nothing")


def test_edit_reaches_the_cache_when_redis_pauses_for_a_moment(hop: Hop, redis_client):
    hop.process.shortener.shorten(TARGET, alias="mine")
    redis_client.client_pause(300)  # six times what a redirect waits
    hop.process.editor.edit("mine", target_url=f"{TARGET}new")
    assert hop.process.redis_cache.get("mine").link.target_url == f"{TARGET}new"


def test_edit_reaches_the_cache_when_redis_comes_back_with_old_data(hop: Hop, monkeypatch):
    hop.process.shortener.shorten(TARGET, alias="mine")

    def away(**_: object) -> None:
        raise redis.ConnectionError("Redis is away")

    with monkeypatch.context() as patch:
        patch.setattr(hop.process.redis_cache, "_patient_put", away)
        hop.process.editor.edit("mine", target_url=f"{TARGET}new")
        assert hop.process.redis_cache.get("mine") is None  # left alone for a moment
    wait_until(lambda: hop.process.redis_cache.get("mine"), within_s=10)
    wait_until(
        lambda: hop.process.redis_cache.get("mine").link.target_url == f"{TARGET}new", within_s=10
    )


def test_deletion_reaches_the_cache_when_it_is_asked_for_again(hop: Hop):
    """The answer to the first request was lost, and with it the change of the cache."""
    hop.process.shortener.shorten(TARGET, alias="mine")
    delete_link(hop.process.pool, "mine")
    assert hop.resolve("mine").link.target_url == TARGET
    with pytest.raises(LinkNotFoundError):
        hop.process.editor.delete("mine")
    assert hop.resolve("mine").link.target_url is None


# As when the connection breaks, or Postgres hangs, between the commit and the answer.
@pytest.mark.parametrize("change", ["edit", "delete"])
def test_change_that_was_made_and_not_confirmed_reaches_the_caches(
    hop: Hop, monkeypatch, change: str
):
    hop.process.shortener.shorten(TARGET, alias="mine")
    real = getattr(edit, f"{'update' if change == 'edit' else change}_link")

    def make_and_break(*arguments: object) -> None:
        real(*arguments)
        raise DatabaseUnavailableError("the connection broke")

    monkeypatch.setattr("app.cache.changes.SETTLED_AFTER_S", 0.2)
    wish = {"target_url": f"{TARGET}new"} if change == "edit" else {}
    with monkeypatch.context() as patch:
        patch.setattr(edit, real.__name__, make_and_break)
        with pytest.raises(DatabaseUnavailableError):
            getattr(hop.process.editor, change)("mine", **wish)
    expected = f"{TARGET}new" if change == "edit" else None

    def is_told() -> bool:
        entry = hop.process.redis_cache.get("mine")  # hidden while it is published
        return entry is not None and entry.link.target_url == expected

    wait_until(is_told, within_s=5)
    wait_until(lambda: "mine" not in hop.process.changes, within_s=5)
    assert hop.resolve("mine").link.target_url == expected


def test_threads_that_wait_for_a_code_have_a_place_as_well(hop: Hop, monkeypatch):
    taken = []

    def candidate(*_: object) -> str:
        taken.append(len(hop.process.pool.bulkhead))
        return "seven77"

    monkeypatch.setattr(type(hop.process.codes.strategy), "candidate", candidate)
    assert hop.process.shortener.shorten(TARGET).code == "seven77"
    assert taken == [1]


def test_changes_that_redis_did_not_take_are_published_when_the_process_ends(
    settings: Settings, redis_client: "redis.Redis"
):
    process = open_process(settings)
    for thread in process.job_threads:
        thread.close()
    process.shortener.shorten(TARGET, alias="mine")
    process.cache_redis.breaker.note_failure(redis.ConnectionError("Redis was away"))
    process.editor.edit("mine", target_url=f"{TARGET}new")
    assert b"/new" not in redis_client.get("link:mine")
    process.close()
    assert b"/new" in redis_client.get("link:mine")
