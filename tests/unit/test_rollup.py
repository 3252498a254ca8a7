"""analytics_worker.rollup: clicks become counts."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from analytics_worker.events import Click, encode_click
from analytics_worker.rollup import roll_up
from db.clicks import Rollup, Tally

pytestmark = pytest.mark.unit

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
NOON_MS = 1_709_208_000_000  # 2024-02-29 12:00 UTC
DAY = date(2024, 2, 29)


def rolled_up(*clicks: Click) -> Rollup:
    return roll_up(encode_click(click) for click in clicks)


def values(rollup: Rollup, dimension: str) -> dict[str, Tally]:
    return {key[3]: tally for key, tally in rollup.dimensions.items() if key[2] == dimension}


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

    assert {code: (tally.clicks, tally.bots) for code, tally in rollup.totals.items()} == {
        code: (expected[code], bots[code]) for code in expected
    }
    for code in expected:
        tables = {"hours": [tally for key, tally in rollup.hours.items() if key[0] == code]}
        for (found, _, dimension, _), tally in rollup.dimensions.items():
            if found == code:
                tables.setdefault(dimension, []).append(tally)
        assert set(tables) == {
            *("hours", "referrer", "country", "browser", "os", "device", "language")
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
    assert rollup.totals == {"abc": Tally(clicks=4, bots=1)}
    assert rollup.visitors == {("abc", DAY): {"person"}}


def test_hours_and_days_change_at_their_full_hour_in_utc():
    midnight_ms = 1_709_251_200_000  # 2024-03-01 00:00 UTC
    rollup = rolled_up(
        Click("abc", midnight_ms, visitor="b", user_agent=FIREFOX),
        Click("abc", midnight_ms - 1, visitor="a", user_agent=FIREFOX),
    )
    assert set(rollup.hours) == {
        ("abc", datetime(2024, 2, 29, 23, tzinfo=UTC)),
        ("abc", datetime(2024, 3, 1, 0, tzinfo=UTC)),
    }
    assert {key[1] for key in rollup.dimensions} == {date(2024, 2, 29), date(2024, 3, 1)}
    assert rollup.visitors == {("abc", date(2024, 2, 29)): {"a"}, ("abc", date(2024, 3, 1)): {"b"}}


def test_last_click_is_the_latest_one_when_clicks_come_out_of_order():
    rollup = rolled_up(*(Click("abc", NOON_MS + late_ms) for late_ms in (5_000, 9_000, 1_000)))
    assert rollup.last_click_at == {"abc": datetime(2024, 2, 29, 12, 0, 9, tzinfo=UTC)}


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
    ],
)
def test_line_is_skipped_and_the_rest_counted_when_it_is_poisoned(poison):
    good = encode_click(Click("abc", NOON_MS, user_agent=FIREFOX, visitor="v"))
    with capture_logs() as logs:
        rollup = roll_up([good, poison, good])
    assert rollup == rolled_up(*[Click("abc", NOON_MS, user_agent=FIREFOX, visitor="v")] * 2)
    assert [entry["event"] for entry in logs] == ["poisoned click skipped"]
