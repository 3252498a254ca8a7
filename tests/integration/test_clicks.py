"""The click pipeline with real parts: whatever is lost, late or doubled, each click counts once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psycopg
import pytest
import redis

from analytics_worker import consumer as consumer_module
from analytics_worker.consumer import Consumer
from analytics_worker.events import (
    STREAM,
    Chunk,
    Click,
    chunk_from_fields,
    chunk_to_fields,
    encode_click,
)
from app.clicks.journal import Journal, create
from app.clicks.recorder import ClickRecorder, renew_visitor_key, today
from app.clicks.shipper import Shipper
from db.clicks import read_receipts
from db.pool import Pool
from db.stats import read_clicks, read_stats
from db.visitor_keys import take_visitor_key

pytestmark = pytest.mark.integration

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


class Pipeline:
    """One producer and one worker; each step is taken by the test, none by a thread."""

    def __init__(self, directory: Path, pool: Pool, wire: "redis.Redis") -> None:
        self.directory, self.pool, self.wire = directory, pool, wire
        self.start()
        self.consumer = Consumer(pool, wire)

    def start(self, **options: int) -> None:
        """Begin with a new journal, as a new process does."""
        self.journal = Journal(self.directory)
        self.recorder = ClickRecorder(self.journal)
        self.shipper = Shipper(
            directory=self.directory,
            journal=self.journal,
            pool=self.pool,
            wire=self.wire,
            **options,
        )

    def click(self, times: int, code: str = "abc") -> None:
        for number in range(times):
            environ = {"REMOTE_ADDR": f"192.0.2.{number}", "HTTP_USER_AGENT": AGENT}
            self.recorder.record(environ, code)

    def deliver(self) -> None:
        """Ship, count, confirm; three times, since losses are found one chunk at a time."""
        for _ in range(3):
            self.shipper.ship()
            while self.consumer.consume(block_ms=1):
                pass
            self.shipper.confirm()
            self.shipper.tidy()

    def clicks(self, code: str = "abc") -> int:
        return read_clicks(self.pool, [code])[code]

    def journals(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
def pipeline(tmp_path: Path, pool: Pool, redis_client: "redis.Redis") -> Iterator[Pipeline]:
    made = Pipeline(tmp_path, pool, redis_client)
    yield made
    made.journal.file.close()


def test_clicks_are_counted_and_leave_the_stream(pipeline: Pipeline):
    pipeline.click(5)
    pipeline.deliver()
    pipeline.click(2)
    pipeline.deliver()
    assert pipeline.clicks() == 7
    assert pipeline.wire.xlen(STREAM) == 0
    assert read_stats(pipeline.pool, "abc", today=today()).unique_visitors == 5


def test_clicks_are_counted_once_when_redis_forgets_everything(pipeline: Pipeline):
    for wait in (False, True):
        pipeline.click(10)
        pipeline.shipper.ship()
        if wait:  # some were already counted, some are lost
            pipeline.consumer.consume(block_ms=1)
            pipeline.click(3)
            pipeline.shipper.ship()
        pipeline.wire.flushdb()
        pipeline.deliver()
    assert pipeline.clicks() == 23


def test_clicks_are_counted_once_when_a_chunk_in_the_middle_is_lost(pipeline: Pipeline):
    for _ in range(4):
        pipeline.click(5)
        pipeline.shipper.ship()
    second = pipeline.wire.xrange(STREAM)[1][0]
    pipeline.wire.xdel(STREAM, second)
    pipeline.deliver()
    assert pipeline.clicks() == 20


def test_clicks_are_counted_once_when_chunks_arrive_twice_and_out_of_order(pipeline: Pipeline):
    for _ in range(3):
        pipeline.click(5)
        pipeline.shipper.ship()
    entries = pipeline.wire.xrange(STREAM)
    for _, fields in [*reversed(entries), *entries]:
        pipeline.wire.xadd(STREAM, fields)
    pipeline.deliver()
    assert pipeline.clicks() == 15


def test_overlapping_chunk_counts_only_what_is_new(pipeline: Pipeline):
    lines = [encode_click(Click("abc", 1_790_000_000_000 + n)) for n in range(4)]
    first, longer = Chunk("p", 0, b"".join(lines[:2])), Chunk("p", 0, b"".join(lines))
    pipeline.consumer.count([first])
    pipeline.consumer.count([longer])
    assert pipeline.clicks() == 4


def test_clicks_are_counted_once_when_the_worker_dies_after_the_commit(
    pipeline: Pipeline, monkeypatch
):
    pipeline.click(5)
    pipeline.shipper.ship()

    def die(*_: object) -> None:
        raise redis.ConnectionError("the worker was killed between commit and delete")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.wire, "xdel", die)
        with pytest.raises(redis.ConnectionError):
            pipeline.consumer.consume(block_ms=1)
    assert pipeline.wire.xlen(STREAM) == 1
    pipeline.deliver()
    assert pipeline.clicks() == 5


def test_nothing_is_counted_when_the_worker_dies_before_the_commit(pipeline: Pipeline, monkeypatch):
    pipeline.click(5)
    pipeline.shipper.ship()

    def die(*_: object) -> None:
        raise psycopg.OperationalError("the connection broke in the transaction")

    with monkeypatch.context() as patch:
        patch.setattr(consumer_module, "advance_receipts", die)
        with pytest.raises(Exception, match="broke"):
            pipeline.consumer.consume(block_ms=1)
    assert pipeline.clicks() == 0
    pipeline.deliver()
    assert pipeline.clicks() == 5


def test_poisoned_entry_and_line_are_skipped_and_the_rest_is_counted(pipeline: Pipeline):
    pipeline.wire.xadd(STREAM, {"nonsense": "1"})
    pipeline.wire.xadd(STREAM, {"producer": "p", "offset": "0", "payload": "not compressed"})
    good = encode_click(Click("abc", 1_790_000_000_000, user_agent="a\0b", language="\0"))
    far = encode_click(Click("abc", 10**18))
    chunk = Chunk("p", 0, b"{nonsense}\n" + good + b"\xff\n" + far + good)
    pipeline.wire.xadd(STREAM, chunk_to_fields(chunk))
    pipeline.deliver()
    assert pipeline.clicks() == 2
    assert read_receipts(pipeline.pool, ["p"]) == {"p": chunk.end}
    assert pipeline.wire.xlen(STREAM) == 0


def test_journal_of_a_dead_process_is_adopted_from_its_receipt(pipeline: Pipeline):
    pipeline.click(5)
    pipeline.deliver()
    pipeline.click(5)  # written, never sent
    pipeline.journal.file.close()  # the kernel does this when a process dies
    pipeline.start()
    pipeline.shipper.adopt()
    pipeline.click(1)
    pipeline.deliver()
    assert pipeline.clicks() == 11
    assert pipeline.journals() == [pipeline.journal.file.path.name]


def test_journal_of_a_living_process_is_left_alone(pipeline: Pipeline, pool: Pool, redis_client):
    other = create(pipeline.directory)
    pipeline.shipper.adopt()
    pipeline.deliver()
    assert other.path.exists()
    other.remove()


def test_journal_is_rotated_when_it_is_long_and_removed_when_it_is_counted(pipeline: Pipeline):
    pipeline.journal.file.remove()
    pipeline.start(rotate_bytes=500)
    for _ in range(5):
        pipeline.click(4)
        pipeline.deliver()
    assert pipeline.clicks() == 20
    assert len(pipeline.journals()) == 1
    assert pipeline.journal.file.size() < 500


def test_shipping_stops_when_nobody_reads_the_stream(pipeline: Pipeline, monkeypatch):
    monkeypatch.setattr("app.clicks.shipper.LONGEST_STREAM", 3)
    for _ in range(6):
        pipeline.click(1)
        pipeline.shipper.ship()
    assert pipeline.wire.xlen(STREAM) == 3
    pipeline.deliver()
    assert pipeline.clicks() == 6


def test_counts_by_hour_day_and_dimension_add_up_to_the_total(pipeline: Pipeline):
    start = 1_790_000_000_000
    agents = [AGENT, "curl/8", ""]
    lines = [
        encode_click(Click(f"code{n % 3}", start + n * 3_600_000 // 4, user_agent=agents[n % 3]))
        for n in range(400)
    ]
    pipeline.consumer.count([Chunk("p", 0, b"".join(lines))])
    with psycopg.connect(pipeline.pool.conninfo) as connection:
        totals = connection.execute(
            "SELECT code, clicks, bots FROM click_totals ORDER BY code"
        ).fetchall()
        hours = connection.execute(
            "SELECT code, sum(clicks), sum(bots) FROM click_hours GROUP BY code ORDER BY code"
        ).fetchall()
        dimensions = connection.execute(
            "SELECT dimension, code, sum(clicks), sum(bots) FROM click_dimensions"
            " GROUP BY dimension, code ORDER BY dimension, code"
        ).fetchall()
    assert sum(clicks for _, clicks, _ in totals) == 400
    assert hours == totals
    assert len(dimensions) == 6 * len(totals)
    for row in dimensions:
        assert row[1:] in totals


def test_visitor_key_is_shared_for_a_day_and_then_forgotten(pool: Pool):
    first = take_visitor_key(pool, date(2026, 3, 1))
    assert take_visitor_key(pool, date(2026, 3, 1)) == first
    assert take_visitor_key(pool, date(2026, 3, 2)) != first
    take_visitor_key(pool, date(2026, 3, 3))
    with pool.connection() as connection:
        days = connection.execute("SELECT day FROM visitor_keys ORDER BY day").fetchall()
    assert days == [(date(2026, 3, 2),), (date(2026, 3, 3),)]


def test_recording_takes_no_notice_when_redis_and_postgres_are_away(tmp_path: Path, pool: Pool):
    pool.close()
    with redis.Redis.from_url(f"unix://{tmp_path}/nothing.sock") as away:
        pipeline = Pipeline(tmp_path / "journal", pool, away)
        started = time.monotonic()
        pipeline.click(1_000)
        assert time.monotonic() - started < 5
        pipeline.shipper.close(drain_s=0.1)
    assert len(pipeline.journals()) == 1


def test_clicks_are_counted_once_when_two_workers_count_at_the_same_time(
    pipeline: Pipeline,
):
    for number in range(20):
        pipeline.click(50, code=f"code{number % 3}")
        pipeline.shipper.ship()
    entries = pipeline.wire.xrange(STREAM)
    chunks = [chunk_from_fields(fields) for _, fields in entries]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):  # each chunk at least eight times, in several orders
            orders = [chunks, chunks, chunks[:10], chunks]
            list(threads.map(lambda order: [pipeline.consumer.count([c]) for c in order], orders))
    assert sum(pipeline.clicks(f"code{n}") for n in range(3)) == 1_000


def test_journal_is_synced_to_the_disk(pipeline: Pipeline, monkeypatch):
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    pipeline.shipper.sync()
    assert synced == []  # nothing was written
    pipeline.click(1)
    pipeline.shipper.sync()
    pipeline.shipper.sync()
    assert synced == [pipeline.journal.file.fd]


def test_visitors_are_hashed_with_the_shared_key_of_the_day(pipeline: Pipeline, tmp_path: Path):
    other = ClickRecorder(Journal(tmp_path / "other"))
    for recorder in (pipeline.recorder, other):
        renew_visitor_key(recorder, pipeline.pool)
        assert recorder.visitor_key_day == today()
    ours, theirs = (each._visitor("192.0.2.1", AGENT) for each in (pipeline.recorder, other))
    assert ours == theirs != pipeline.recorder._visitor("192.0.2.2", AGENT)
    other._journal.file.close()
