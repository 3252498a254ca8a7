"""The roll-ups in Postgres: they add up, and grow with codes and hours, not with clicks."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from structlog.testing import capture_logs

from analytics_worker.fields import (
    read_country,
    read_language,
    read_referrer,
    read_user_agent,
)
from db.clicks import rollups, visitor_sketch
from db.clicks.rollups import DIMENSIONS
from db.clicks.stats import read_stats
from db.clicks.wire import CHUNK_BYTES, Chunk, decode_click, encode_click
from db.connect.pool import Pool
from tests.click_pipeline import AGENT, Pipeline

START_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000
AGENTS = [AGENT, "curl/8", ""]
CODES, HOURS = 50, 30
SKETCH = visitor_sketch.add(b"", map(str, range(5_000)))


def fetch(pool: Pool, statement: str) -> list[tuple[object, ...]]:
    with pool.connection() as connection:
        return connection.execute(statement.encode()).fetchall()


TOTALS = "SELECT code, clicks, bots FROM click_totals ORDER BY code"
BY_HOUR = "SELECT code, sum(clicks), sum(bots) FROM click_hours GROUP BY code ORDER BY code"
BY_DAY = "SELECT code, sum(clicks), sum(bots) FROM click_days GROUP BY code ORDER BY code"
BY_DIMENSION = """
SELECT code, sum((tally->>0)::bigint), sum((tally->>1)::bigint)
FROM click_days, json_each(dimensions) AS d (dimension, tallies), json_each(tallies) AS t (v, tally)
GROUP BY dimension, code ORDER BY dimension, code
"""


def assert_all_add_up(pool: Pool, clicks: int) -> None:
    totals = fetch(pool, TOTALS)
    assert sum(row[1] for row in totals) == clicks
    assert fetch(pool, BY_HOUR) == fetch(pool, BY_DAY) == totals
    assert fetch(pool, BY_DIMENSION) == totals * 6


def make_chunks(clicks: int) -> Iterator[Chunk]:
    """Journals of two processes, in turns."""
    chance, lines = Random(62), []
    ends = {"p": 0, "q": 0}
    size = 0
    for number in range(clicks):
        line = encode_click(
            f"code{int(chance.paretovariate(0.7)) % CODES}",
            START_MS + number * HOURS * 3_600_000 // clicks,
            referrer=f"site{chance.randrange(9)}.example/x",
            user_agent=AGENTS[number % 3],
            visitor=f"{chance.getrandbits(64):016x}",
        )
        lines.append(line)
        size += len(lines[-1])
        if size > CHUNK_BYTES - 1_000 or number == clicks - 1:
            producer = min(ends, key=lambda name: ends[name])
            chunk = Chunk(producer, ends[producer], b"".join(lines))
            yield chunk
            ends[producer] = chunk.end
            lines, size = [], 0


# Five million with HOP_TEST_CLICKS=5000000.
@pytest.mark.timeout(1_200)
def test_rows_follow_codes_and_hours_when_clicks_are_many(pipeline: Pipeline):
    clicks = int(os.environ.get("HOP_TEST_CLICKS", "50000"))
    for chunk in make_chunks(clicks):
        pipeline.count([chunk])
    assert_all_add_up(pipeline.pool, clicks)
    ((codes,),) = fetch(pipeline.pool, "SELECT count(*) FROM click_totals")
    ((hours,),) = fetch(pipeline.pool, "SELECT count(*) FROM click_hours")
    ((days,),) = fetch(pipeline.pool, "SELECT count(*) FROM click_days")
    assert codes <= CODES
    assert hours <= codes * HOURS
    assert days <= codes * 2
    visitors = sum(
        read_stats(
            pipeline.pool, f"code{n}", today=datetime.fromtimestamp(START_MS / 1000, UTC).date()
        ).unique_visitors
        for n in range(CODES)
    )
    assert visitors == pytest.approx(clicks / 3, rel=0.1)  # bots are none


def test_values_beyond_the_bound_are_other_whatever_batch_they_come_in(
    pipeline: Pipeline, monkeypatch
):
    monkeypatch.setattr(rollups, "MAX_VALUES", 5)
    lines = [
        encode_click("abc", START_MS, referrer=f"site{n % 20}.example/", user_agent=AGENT)
        for n in range(100)
    ]
    ends = [len(b"".join(lines[:n])) for n in (0, 3, 6, 60, 100)]
    data = b"".join(lines)
    for start, end in pairwise(ends):
        pipeline.count([Chunk("p", start, data[start:end])])
    assert_all_add_up(pipeline.pool, 100)
    stats = read_stats(pipeline.pool, "abc", today=datetime.fromtimestamp(START_MS / 1000, UTC))
    found = dict(stats.by_dimension["referrer"])
    assert found.pop("other") == 75
    assert list(found.values()) == [5] * 5
    assert {f"site{n}.example" for n in range(3)} < set(found)  # they were there first
    assert stats.by_dimension["browser"] == [("Firefox", 100)]


def test_first_batch_is_bounded_when_it_alone_has_too_many_values(pipeline: Pipeline):
    lines = [encode_click("abc", START_MS, referrer=f"site{n}.example/") for n in range(1_000)]
    pipeline.count([Chunk("p", 0, b"".join(lines))])
    assert_all_add_up(pipeline.pool, 1_000)
    ((values,),) = fetch(
        pipeline.pool,
        "SELECT count(*) FROM click_days, json_object_keys(dimensions->'referrer')",
    )
    assert values == rollups.MAX_VALUES + 1


@pytest.mark.parametrize("damaged", [b"?", b"\0" * 8, SKETCH[:-3], SKETCH[:20], b"\xff" * 40])
def test_visitors_are_counted_anew_and_clicks_on_when_a_stored_sketch_is_damaged(
    pipeline: Pipeline, damaged: bytes
):
    def count(producer: str) -> None:
        lines = [
            encode_click("abc", START_MS, user_agent=AGENT, visitor=f"{producer}{n}") for n in "ab"
        ]
        pipeline.count([Chunk(producer, 0, b"".join(lines))])

    today = datetime.fromtimestamp(START_MS / 1000, UTC).date()
    count("p")
    with pipeline.pool.connection() as connection:
        connection.execute("UPDATE click_days SET visitors = %s", (damaged,))
    assert read_stats(pipeline.pool, "abc", today=today).unique_visitors == 0
    with capture_logs() as logs:
        count("q")
        count("r")
    assert_all_add_up(pipeline.pool, 6)
    assert read_stats(pipeline.pool, "abc", today=today).unique_visitors == 4
    assert ["damaged visitor sketch" in each["event"] for each in logs] == [True]


def test_code_of_any_characters_is_counted(pipeline: Pipeline):
    codes = ["a\\b", "\\.", "\\N", 'q"uote', "ümlaut\N{GRINNING FACE}"]
    lines = [encode_click(code, START_MS, referrer='\\"\x01/x') for code in codes]
    for producer in ("p", "q"):
        pipeline.count([Chunk(producer, 0, b"".join(lines))])
    assert_all_add_up(pipeline.pool, 10)
    assert {row[0] for row in fetch(pipeline.pool, TOTALS)} == set(codes)


def fold(made: list[bytes]) -> dict[tuple[str, date, str], dict[str, list[int]]]:
    """Clicks and bots by code, day, dimension and value, one click at a time."""
    counts: dict[tuple[str, date, str], dict[str, list[int]]] = {}
    for click in map(decode_click, made):
        agent = read_user_agent(click.user_agent)
        host = read_referrer(click.referrer.partition("/")[0])
        values = host, read_country(click.country), *agent[:3], read_language(click.language)
        day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=click.at_ms)).date()
        for dimension, value in zip(DIMENSIONS, values, strict=True):
            of_value = counts.setdefault((click.code, day, dimension), {})
            count = of_value.setdefault(value, [0, 0])
            count[0] += 1
            count[1] += agent.is_bot
    return counts


def random_line(chance: Random) -> bytes:
    odd = chance.choice(
        ["", "\\", '"', "'", "\t", "\0", "\x1f", "ü", "\N{GRINNING FACE}", "{}", ","]
    )
    return encode_click(
        chance.choice([*["abc"] * 9, "x\\y", 'q"', "ümlaut"])
        if chance.random() < 0.9
        else f"c{chance.random()}",
        START_MS + chance.randrange(-2 * 86_400_000, 2 * 86_400_000),
        referrer=f"{odd.strip()}site{int(chance.paretovariate(0.2)) % 700}.example/x",
        user_agent=chance.choice([*AGENTS, f"Mozilla{odd}"]),
        language=chance.choice(["de-DE", "en", "", f"{odd}fr"]),
        country=chance.choice(["", "DE", "CH"]),
        visitor=chance.choice(["", "v1", "v2"]),
    )


@pytest.mark.parametrize("seed", range(4))
def test_stored_days_equal_a_plain_count_however_the_lines_are_batched(
    pipeline: Pipeline, seed: int
):
    chance = Random(seed)
    made = [random_line(chance) for _ in range(3_000)]
    ends = sorted({0, len(made), *(chance.randrange(len(made)) for _ in range(6))})
    for first, last in pairwise(ends):
        start = len(b"".join(made[:first]))
        pipeline.count([Chunk("p", start, b"".join(made[first:last]))])
    assert_all_add_up(pipeline.pool, len(made))
    rows = fetch(pipeline.pool, "SELECT code, day, dimensions FROM click_days")
    stored = {(code, day, name): row[name] for code, day, row in rows for name in DIMENSIONS}
    expected = fold(made)
    assert stored.keys() == expected.keys()
    assert any(len(values) > rollups.MAX_VALUES for values in expected.values())
    for key, values in expected.items():
        if len(values) <= rollups.MAX_VALUES:
            assert stored[key] == values
            continue
        kept = {value: counts for value, counts in stored[key].items() if value != "other"}
        assert len(kept) == rollups.MAX_VALUES
        # A value that came when there was no room yet or no longer counts as "other" then.
        assert all(counts[0] <= values[value][0] for value, counts in kept.items())
