"""The roll-ups in Postgres: they add up, and grow with codes and hours, not with clicks."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random

import pytest
from structlog.testing import capture_logs

from db.clicks import tallies, visitor_sketch
from db.clicks.stats import read_stats
from db.clicks.wire import CHUNK_BYTES, Chunk, Click, encode_click
from db.connect.pool import Pool, open_pool
from db.migrate import migrate, read_migrations
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
        click = Click(
            f"code{int(chance.paretovariate(0.7)) % CODES}",
            START_MS + number * HOURS * 3_600_000 // clicks,
            referrer=f"site{chance.randrange(9)}.example/x",
            user_agent=AGENTS[number % 3],
            visitor=f"{chance.getrandbits(64):016x}",
        )
        lines.append(encode_click(click))
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
    monkeypatch.setattr(tallies, "MOST_VALUES", 5)
    lines = [
        encode_click(Click("abc", START_MS, referrer=f"site{n % 20}.example/", user_agent=AGENT))
        for n in range(100)
    ]
    ends = [len(b"".join(lines[:n])) for n in (0, 3, 6, 60, 100)]
    data = b"".join(lines)
    for start, end in pairwise(ends):
        pipeline.count([Chunk("p", start, data[start:end])])
    assert_all_add_up(pipeline.pool, 100)
    stats = read_stats(pipeline.pool, "abc", today=datetime.fromtimestamp(START_MS / 1000, UTC))
    assert dict(stats.by_dimension["referrer"]) == {
        "other": 75,
        **{f"site{n}.example": 5 for n in range(5)},
    }
    assert stats.by_dimension["browser"] == [("Firefox", 100)]


def test_first_batch_is_bounded_when_it_alone_has_too_many_values(pipeline: Pipeline):
    lines = [
        encode_click(Click("abc", START_MS, referrer=f"site{n}.example/")) for n in range(1_000)
    ]
    pipeline.count([Chunk("p", 0, b"".join(lines))])
    assert_all_add_up(pipeline.pool, 1_000)
    ((values,),) = fetch(
        pipeline.pool,
        "SELECT count(*) FROM click_days, json_object_keys(dimensions->'referrer')",
    )
    assert values == tallies.MOST_VALUES + 1


@pytest.mark.parametrize("damaged", [b"?", b"\0" * 8, SKETCH[:-3], SKETCH[:20], b"\xff" * 40])
def test_visitors_are_counted_anew_and_clicks_on_when_a_stored_sketch_is_damaged(
    pipeline: Pipeline, damaged: bytes
):
    def count(producer: str) -> None:
        clicks = [Click("abc", START_MS, user_agent=AGENT, visitor=f"{producer}{n}") for n in "ab"]
        pipeline.count([Chunk(producer, 0, b"".join(map(encode_click, clicks)))])

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
    lines = [encode_click(Click(code, START_MS, referrer='\\"\t\n/x')) for code in codes]
    for producer in ("p", "q"):
        pipeline.count([Chunk(producer, 0, b"".join(lines))])
    assert_all_add_up(pipeline.pool, 10)
    assert {row[0] for row in fetch(pipeline.pool, TOTALS)} == set(codes)


def test_days_hold_what_was_counted_when_an_older_database_is_migrated(empty_database_url: str):
    migrations = read_migrations()
    migrate(empty_database_url, [each for each in migrations if each.version < 4])
    sketch = visitor_sketch.add(b"", ["a", "b"])
    with open_pool(empty_database_url, name="hop-test") as pool:
        with pool.connection() as connection:
            connection.execute("INSERT INTO click_totals VALUES ('abc', 5, 1, now())")
            connection.execute(
                "INSERT INTO click_dimensions SELECT 'abc', '2026-03-01', dimension, 'x', 3, 1"
                " FROM unnest(%s::text[]) AS dimension",
                (list(tallies.DIMENSIONS),),
            )
            connection.execute(
                "INSERT INTO click_dimensions SELECT 'abc', '2026-03-01', dimension, 'y', 2, 0"
                " FROM unnest(%s::text[]) AS dimension",
                (list(tallies.DIMENSIONS),),
            )
            connection.execute(
                "INSERT INTO click_visitors VALUES ('abc', '2026-03-01', %s)", (sketch,)
            )
        assert migrate(empty_database_url)[0].version == 4
        stats = read_stats(pool, "abc", today=date(2026, 3, 2))
    assert stats.by_day == [(date(2026, 3, 1), 5, 1)]
    assert stats.by_dimension == {key: [("x", 3), ("y", 2)] for key in tallies.DIMENSIONS}
    assert stats.unique_visitors == 2
