"""analytics_worker.aggregate: lines become clicks, and clicks become sums."""

from collections import Counter
from io import BytesIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_worker.aggregate import MAX_LETTERS, read_clicks, roll_up
from analytics_worker.fields import (
    read_country,
    read_language,
    read_referrer,
    read_user_agent,
)
from db.clicks.rollups import DIMENSIONS, Rollup
from db.clicks.wire import Chunk, Click, PoisonedError, decode_click, encode_click

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
NOON_MS = 1_709_208_000_000  # 2024-02-29 12:00 UTC
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
GOOD = encode_click("abc", NOON_MS, user_agent=FIREFOX, visitor="v")


def rolled_up(*lines: bytes) -> Rollup:
    clicks, malformed = read_clicks([Chunk("p", 0, b"".join(lines))])
    assert malformed.lines == 0
    return roll_up(clicks)


def as_click(line: bytes) -> Click | None:
    try:
        return decode_click(line)
    except PoisonedError:
        return None


def dimensions_of(click: Click) -> tuple[object, ...]:
    """In the order of `DIMENSIONS`, as one click at a time would be read."""
    agent = read_user_agent(click.user_agent)
    host = read_referrer(click.referrer.partition("/")[0])
    language = read_language(click.language)
    return host, read_country(click.country), *agent[:3], language, agent.is_bot


headers = st.text(st.characters(codec="utf-8"), max_size=8)
hosts = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"), max_size=8)
lines = st.builds(
    encode_click,
    code=st.sampled_from(["aaa", "bbb", "ümlaut", 'q"uote\\']),
    at_ms=st.integers(NOON_MS - 2 * DAY_MS, NOON_MS + 2 * DAY_MS)
    | st.sampled_from([0, 253_402_300_799_999]),
    referrer=st.sampled_from(["", "t.co/x", "/x", "a" * 300]) | hosts,
    user_agent=st.sampled_from(["", "curl/8", FIREFOX, "tab\tin it"]) | headers,
    language=st.sampled_from(["", "de-DE,de;q=0.9", "*"]) | headers,
    country=st.sampled_from(["", "DE"]),
    visitor=st.sampled_from(["", "v1", "v2"]),
    domain=st.sampled_from(["", "go.example"]),
)


@given(st.lists(lines, max_size=30))
def test_sums_equal_those_of_a_plain_loop(made):
    rollup = rolled_up(*made)
    clicks, bots, last = Counter(), Counter(), {}
    for click in map(decode_click, made):
        values = dimensions_of(click)
        keys = [
            ("total", click.code),
            ("hour", click.code, click.at_ms // HOUR_MS),
            ("day", click.code, click.at_ms // DAY_MS),
        ]
        clicks.update(keys)
        bots.update(keys if values[-1] else [])
        last[click.code] = max(click.at_ms, last.get(click.code, 0))
    found_clicks, found_bots = {}, {}
    for table, times, unit in (
        (rollup.totals.select("code", pl.lit(None), "clicks", "bots"), None, "total"),
        (rollup.hours, HOUR_MS, "hour"),
        (
            rollup.days.select("code", pl.col("day").cast(pl.Datetime("ms")), "clicks", "bots"),
            DAY_MS,
            "day",
        ),
    ):
        for code, time, count, of_bots in table.rows():
            at = () if times is None else (round(time.timestamp() * 1000) // times,)
            found_clicks[unit, code, *at] = count
            found_bots[unit, code, *at] = of_bots
    assert found_clicks == clicks
    assert found_bots == {key: bots[key] for key in clicks}
    assert dict(rollup.totals.select("code", pl.col("at").dt.timestamp("ms")).rows()) == last


@given(st.lists(lines, max_size=30))
def test_each_click_has_the_values_that_a_plain_reading_gives(made):
    frame, _ = read_clicks([Chunk("p", 0, b"".join(made))])
    read = [decode_click(line) for line in made]
    assert frame.select("code", "visitor").rows() == [(each.code, each.visitor) for each in read]
    assert frame.select(*DIMENSIONS, "is_bot").rows() == [dimensions_of(each) for each in read]


def damaged(line: bytes, place: int, byte: int) -> bytes:
    place %= len(line)
    return line[:place] + bytes([byte]) + line[place + 1 :]


pieces = (
    lines
    | st.binary(max_size=40)
    | st.builds(damaged, lines, st.integers(0), st.integers(0, 255))
    | st.sampled_from([b"\n", b"\r\n", b"\t", b"2\t", b"\0", b"\xff\n", b"\xe2\n", b"\xef\xbb\xbf"])
)


@given(st.lists(st.lists(pieces, max_size=8).map(b"".join), max_size=4))
def test_any_bytes_are_clicks_or_dead_letters_and_never_an_error(contents):
    chunks = [Chunk("p", 10_000 * number, each) for number, each in enumerate(contents)]
    frame, malformed = read_clicks(chunks)
    read = [(chunk, line, as_click(line)) for chunk in chunks for line in BytesIO(chunk.lines)]
    assert frame["code"].to_list() == [click.code for _, _, click in read if click]
    assert [letter.content for letter in malformed.letters] == [
        line for _, line, click in read if click is None
    ]
    for letter in malformed.letters:
        content = contents[letter.start_offset // 10_000]
        assert content[letter.start_offset % 10_000 :].startswith(letter.content)
    assert roll_up(frame).totals["clicks"].sum() == len(frame)


def test_last_click_is_the_latest_one_when_clicks_come_out_of_order():
    made = [encode_click("abc", NOON_MS + late_ms) for late_ms in (5_000, 9_000, 1_000)]
    (last,) = rolled_up(*made).totals["at"].dt.timestamp("ms")
    assert last == NOON_MS + 9_000


def test_tables_are_in_the_order_of_codes():
    made = [
        encode_click(code, NOON_MS + n * HOUR_MS) for n, code in enumerate(["b", "a", "C", "b"])
    ]
    rollup = rolled_up(*made)
    for table in (rollup.totals, rollup.hours, rollup.days):
        codes = table["code"].to_list()
        assert codes == sorted(codes)


def test_line_is_kept_as_a_letter_and_the_rest_counted_when_it_is_malformed():
    clicks, malformed = read_clicks(
        [Chunk("o", 0, GOOD), Chunk("p", 1_000, GOOD + b"\xff\0\n" + GOOD)]
    )
    assert len(clicks) == 3
    (letter,) = malformed.letters
    assert (malformed.lines, letter.producer) == (1, "p")
    assert (letter.start_offset, letter.content) == (1_000 + len(GOOD), b"\xff\0\n")
    assert "utf-8" in letter.reason


def test_letters_are_bounded_when_a_journal_is_malformed_throughout():
    clicks, malformed = read_clicks([Chunk("p", 0, b"{}\n" * 3_000)])
    assert (malformed.lines, len(malformed.letters)) == (3_000, MAX_LETTERS)
    assert clicks.is_empty()


@pytest.mark.parametrize("chunks", [1, 31, 32, 33, 70])
def test_chunks_are_read_in_their_order_however_many_there_are(chunks):
    made = [
        Chunk("p", number, encode_click(f"c{number}", NOON_MS) + b"bad\n")
        for number in range(chunks)
    ]
    clicks, malformed = read_clicks(made)
    assert clicks["code"].to_list() == [f"c{number}" for number in range(chunks)]
    assert malformed.lines == chunks
