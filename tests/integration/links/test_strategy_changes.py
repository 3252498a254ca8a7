"""Another strategy, or another key, on a database that has links already."""

from urllib.parse import urlsplit

import msgspec

from app.links.codes import note_strategy, open_strategy
from app.settings import Settings
from cli.server.serve import announce_strategy
from db.connect.pool import Pool
from db.links import insert_link

LINKS = 100


def settings_for(name: str) -> Settings:
    return Settings(
        database_url="",
        redis_url="",
        keygen=name,  # type: ignore[arg-type]
        range_size=10,
        range_size_min=10,
    )


def start_and_make_links(name: str, pool: Pool) -> str | None:
    """Start with a strategy; every code that it proposes must be free."""
    settings = settings_for(name)
    notice = note_strategy(settings, pool)
    codes = open_strategy(settings, pool)
    for _ in range(LINKS):
        code = codes.strategy.candidate("https://example.org/", 0)
        assert insert_link(pool, code, "https://example.org/") is not None, code
    codes.close()
    return notice


def test_nothing_is_said_when_nothing_was_changed(pool):
    assert start_and_make_links("permuted", pool) is None
    assert start_and_make_links("permuted", pool) is None


def test_a_change_says_what_was_and_what_happens_to_links(pool):
    note_strategy(settings_for("range"), pool)
    notice = note_strategy(settings_for("random"), pool)
    assert notice is not None
    assert "HOP_KEYGEN=range" in notice
    assert "HOP_KEYGEN=random" in notice
    assert "Existing links are untouched" in notice
    assert "is skipped" in notice
    assert note_strategy(settings_for("random"), pool) is None


def test_a_changed_permutation_key_is_stated(pool):
    note_strategy(settings_for("permuted"), pool)
    with pool.connection() as connection:
        connection.execute("UPDATE id_ranges SET permutation_key = sha256(permutation_key)")
    notice = note_strategy(settings_for("permuted"), pool)
    assert notice is not None
    assert notice.startswith("the permutation key is not the one")
    assert note_strategy(settings_for("permuted"), pool) is None


def test_hop_serve_says_what_has_changed(database_url, pool, capsys):
    note_strategy(settings_for("range"), pool)
    announce_strategy(msgspec.structs.replace(settings_for("hash"), database_url=database_url))
    assert "notice: codes were made by HOP_KEYGEN=range" in capsys.readouterr().err


def test_hop_serve_starts_with_a_warning_when_it_cannot_tell(database_url, capsys):
    empty = urlsplit(database_url)._replace(path="/postgres").geturl()
    for url, warning in (
        (empty, "Run: hop migrate"),
        ("postgresql:///hop?host=/nonexistent", "cannot tell whether HOP_KEYGEN was changed"),
    ):
        announce_strategy(msgspec.structs.replace(settings_for("hash"), database_url=url))
        assert warning in capsys.readouterr().err


def test_strategies_that_count_never_meet_each_others_codes(pool):
    for name in ("counter", "range", "stride", "counter", "stride", "range", "counter"):
        start_and_make_links(name, pool)


def test_ids_passed_over_are_granted_so_that_no_gap_is_unaccounted_for(pool):
    start_and_make_links("counter", pool)
    start_and_make_links("range", pool)
    with pool.connection() as connection:
        grants = connection.execute(
            "SELECT start_id, stop_id, holder FROM id_range_grants ORDER BY start_id"
        ).fetchall()
        next_id = connection.execute("SELECT next_id FROM id_ranges").fetchone()
    assert grants[0] == (0, LINKS, "another strategy")
    assert [stop for _, stop, _ in grants] == [*(start for start, _, _ in grants[1:]), *next_id]
