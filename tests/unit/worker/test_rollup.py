"""analytics_worker.rollup: clicks become counts."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_worker import rollup as rollup_module
from analytics_worker.pieces import Work
from analytics_worker.rollup import Batch
from db.clicks.tallies import Rollup, Tally, Total
from db.clicks.wire import Chunk, Click, encode_click

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
NOON_MS = 1_709_208_000_000  # 2024-02-29 12:00 UTC
NOON = NOON_MS // 3_600_000
DAY = NOON // 24


def rolled_up(*clicks: Click) -> Rollup:
    batch = Batch()
    batch.add(Chunk("p", 0, b"".join(encode_click(click) for click in clicks)))
    return Work(batch.roll_up()).finish()


def values(rollup: Rollup, dimension: str) -> dict[str, Tally]:
    (day,) = rollup.days.values()
    return day.dimensions()[dimension]


clicks = st.builds(
    Click,
    code=st.sampled_from(["aaa", "bbb"]),
    at_ms=st.integers(NOON_MS - 86_400_000, NOON_MS + 86_400_000),
    referrer=st.sampled_from(["", "t.co/x", "/x"]) | st.text(),
    user_agent=st.sampled_from(["", "curl/8", FIREFOX]),
    language=st.sampled_from(["", "de-DE,de;q=0.9", "*"]) | st.text(),
    country=st.sampled_from(["", "DE"]),
    visitor=st.sampled_from(["", "v1", "v2"]),
)


@given(st.lists(clicks))
def test_every_table_adds_up_to_the_clicks(made):
    rollup = rolled_up(*made)
    expected = Counter(click.code for click in made)
    bots = Counter(click.code for click in made if click.user_agent != FIREFOX)

    assert {code: (total.clicks, total.bots) for code, total in rollup.totals.items()} == {
        code: (expected[code], bots[code]) for code in expected
    }
    for code in expected:
        days = [day for key, day in rollup.days.items() if key[0] == code]
        tables = {
            "hours": [tally for key, tally in rollup.hours.items() if key[0] == code],
            "days": [day.tally for day in days],
        }
        for day in days:
            for dimension, tallies in day.dimensions().items():
                tables.setdefault(dimension, []).extend(tallies.values())
        assert set(tables) == {
            *("hours", "days", "referrer", "country", "browser", "os", "device", "language")
        }
        for tallies in tables.values():
            assert sum(tally.clicks for tally in tallies) == expected[code]
            assert sum(tally.bots for tally in tallies) == bots[code]


def test_bot_is_a_click_and_no_visitor():
    rollup = rolled_up(
        Click("abc", NOON_MS, user_agent=FIREFOX, visitor="person"),
        Click("abc", NOON_MS, user_agent=FIREFOX, visitor="person"),
        Click("abc", NOON_MS, user_agent=FIREFOX, visitor=""),
        Click("abc", NOON_MS, user_agent="curl/8", visitor="machine"),
    )
    assert rollup.totals == {"abc": Total(clicks=4, bots=1, last_click_ms=NOON_MS)}
    assert rollup.days["abc", DAY].visitors == {"person"}


def test_hours_and_days_change_at_their_full_hour_in_utc():
    midnight_ms = 1_709_251_200_000  # 2024-03-01 00:00 UTC
    rollup = rolled_up(
        Click("abc", midnight_ms, visitor="b", user_agent=FIREFOX),
        Click("abc", midnight_ms - 1, visitor="a", user_agent=FIREFOX),
    )
    assert set(rollup.hours) == {("abc", NOON + 11), ("abc", NOON + 12)}
    assert {key: day.visitors for key, day in rollup.days.items()} == {
        ("abc", DAY): {"a"},
        ("abc", DAY + 1): {"b"},
    }


def test_hours_of_a_day_are_one_day():
    rollup = rolled_up(
        Click("abc", NOON_MS, visitor="a", user_agent=FIREFOX),
        Click("abc", NOON_MS + 3_600_000, visitor="b", user_agent=FIREFOX),
    )
    (day,) = rollup.days.values()
    assert (day.tally, day.visitors) == (Tally(2, 0), {"a", "b"})
    assert day.dimensions()["browser"] == {"Firefox": Tally(2, 0)}


def test_last_click_is_the_latest_one_when_clicks_come_out_of_order():
    rollup = rolled_up(*(Click("abc", NOON_MS + late_ms) for late_ms in (5_000, 9_000, 1_000)))
    assert rollup.totals["abc"].last_click_ms == NOON_MS + 9_000


@pytest.mark.parametrize(
    ("click", "dimension", "value"),
    [
        (Click("abc", NOON_MS, referrer="news.example/item"), "referrer", "news.example"),
        (Click("abc", NOON_MS, referrer=""), "referrer", "direct"),
        (Click("abc", NOON_MS, referrer="/only/a/path"), "referrer", "direct"),
        (Click("abc", NOON_MS, referrer="a\0b.example/"), "referrer", "ab.example"),
        (Click("abc", NOON_MS, referrer="a" * 200), "referrer", "a" * 100),
        (Click("abc", NOON_MS, language="de-AT,en;q=0.5"), "language", "de"),
        (Click("abc", NOON_MS, language="EN"), "language", "en"),
        (Click("abc", NOON_MS, language="*"), "language", "unknown"),
        (Click("abc", NOON_MS, country="CH"), "country", "CH"),
        (Click("abc", NOON_MS, country=""), "country", "unknown"),
        (Click("abc", NOON_MS, user_agent=FIREFOX), "browser", "Firefox"),
        (Click("abc", NOON_MS, user_agent=FIREFOX), "os", "Linux"),
        (Click("abc", NOON_MS, user_agent=FIREFOX), "device", "desktop"),
    ],
)
def test_dimension_has_a_value_that_can_be_stored(click, dimension, value):
    assert set(values(rolled_up(click), dimension)) == {value}


@pytest.mark.parametrize(
    "poison",
    [
        b"\0\0\0\0",
        b'[1,"abc",1709208',
        b'[1,"abc",99999999999999999]',
        b'[1,"abc",' + b"9" * 400 + b"]",
        b'[1,"abc",-99999999999999999]',
        b'[1,"a\\u0000c",1709208000000]',
        b'[1,"abc",-1]',
        b"",
        b'[1,"abc",1709208000000][1,"abc",1709208000000]',
    ],
)
def test_line_is_kept_as_a_letter_and_the_rest_counted_when_it_is_poisoned(poison):
    good = encode_click(Click("abc", NOON_MS, user_agent=FIREFOX, visitor="v"))
    batch = Batch()
    batch.add(Chunk("p", 1_000, good + poison + b"\n" + good))
    assert Work(batch.roll_up()).finish().totals == {"abc": Total(2, 0, NOON_MS)}
    (letter,) = batch.letters
    assert (batch.poisoned, letter.producer) == (1, "p")
    assert (letter.start_offset, letter.content) == (1_000 + len(good), poison + b"\n")
    assert letter.reason


def test_clicks_are_counted_when_they_say_more_than_is_remembered(monkeypatch):
    monkeypatch.setattr(rollup_module, "MOST_KNOWN", 2)
    languages = ["de", "en", "fr", "it", "de", "en"]
    rollup = rolled_up(*(Click("abc", NOON_MS, language=each) for each in languages))
    assert values(rollup, "language") == {
        language: Tally(clicks, clicks) for language, clicks in Counter(languages).items()
    }
    assert len(rollup_module._languages) <= 2


def test_bots_are_told_apart_among_values_for_which_there_is_no_room(monkeypatch):
    monkeypatch.setattr("db.clicks.tallies.MOST_VALUES", 2)
    agents = {"a": FIREFOX, "b": "curl/8", "c": FIREFOX, "d": "curl/8"}
    rollup = rolled_up(
        *(Click("abc", NOON_MS, referrer=each, user_agent=agents[each]) for each in "abcdcab"),
        Click("abc", NOON_MS, referrer="other", user_agent="curl/8"),
    )
    assert values(rollup, "referrer") == {
        "a": Tally(2, 0),
        "b": Tally(2, 2),
        "other": Tally(4, 2),
    }


def test_letters_are_bounded_when_a_journal_is_nothing_but_poison():
    batch = Batch()
    batch.add(Chunk("p", 0, b"{}\n" * 3_000))
    assert (batch.poisoned, len(batch.letters)) == (3_000, 1_000)
    assert Work(batch.roll_up()).finish() == Rollup()
