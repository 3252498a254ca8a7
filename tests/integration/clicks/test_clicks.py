"""The click pipeline with real parts: whatever is lost, late or doubled, each click counts once."""

import time
from datetime import date
from pathlib import Path

import psycopg
import pytest
import redis

from analytics_worker import counting
from app.clicks.journal import Journal
from app.clicks.journal_file import create
from app.clicks.recorder import ClickRecorder, renew_visitor_key, today
from db.clicks.stats import read_stats
from db.clicks.visitor_keys import take_visitor_key
from db.clicks.wire import (
    Chunk,
    encode_click,
)
from db.connect.pool import Pool
from tests.click_pipeline import AGENT, Pipeline


def test_clicks_are_counted_and_leave_the_stream(pipeline: Pipeline):
    pipeline.click(5)
    pipeline.deliver()
    pipeline.click(2)
    pipeline.deliver()
    assert pipeline.clicks() == 7
    assert pipeline.waiting() == 0
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
    second = pipeline.wire.xrange(pipeline.stream)[1][0]
    pipeline.wire.xdel(pipeline.stream, second)
    pipeline.deliver()
    assert pipeline.clicks() == 20


def test_clicks_are_counted_once_when_chunks_arrive_twice_and_out_of_order(pipeline: Pipeline):
    for _ in range(3):
        pipeline.click(5)
        pipeline.shipper.ship()
    entries = pipeline.wire.xrange(pipeline.stream)
    for _, fields in [*reversed(entries), *entries]:
        pipeline.wire.xadd(pipeline.stream, fields)
    pipeline.deliver()
    assert pipeline.clicks() == 15


def test_overlapping_chunk_counts_only_what_is_new(pipeline: Pipeline):
    lines = [encode_click("abc", 1_790_000_000_000 + n) for n in range(4)]
    first, longer = Chunk("p", 0, b"".join(lines[:2])), Chunk("p", 0, b"".join(lines))
    pipeline.count([first])
    pipeline.count([longer])
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
    assert (pipeline.waiting(), pipeline.clicks()) == (1, 5)
    pipeline.deliver()
    assert (pipeline.waiting(), pipeline.clicks()) == (0, 5)


def test_nothing_is_counted_when_the_worker_dies_before_the_commit(pipeline: Pipeline, monkeypatch):
    pipeline.click(5)
    pipeline.shipper.ship()

    def die(*_: object) -> None:
        raise psycopg.OperationalError("the connection broke in the transaction")

    with monkeypatch.context() as patch:
        patch.setattr(counting, "advance_receipts", die)
        with pytest.raises(Exception, match="broke"):
            pipeline.consumer.consume(block_ms=1)
    assert (pipeline.waiting(), pipeline.clicks()) == (1, 0)
    pipeline.deliver()
    assert pipeline.clicks() == 5


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
    monkeypatch.setattr("app.clicks.shipper.MAX_STREAM_LENGTH", 3)
    for _ in range(6):
        pipeline.click(1)
        pipeline.shipper.ship()
    assert pipeline.waiting() == 3
    pipeline.deliver()
    assert pipeline.clicks() == 6


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


def test_visitors_are_hashed_with_the_shared_key_of_the_day(pipeline: Pipeline, tmp_path: Path):
    other = ClickRecorder(Journal(tmp_path / "other"))
    for recorder in (pipeline.recorder, other):
        renew_visitor_key(recorder, pipeline.pool)
        assert recorder.visitor_key_day == today()
    ours, theirs = (each.pseudonym(f"192.0.2.1\n{AGENT}") for each in (pipeline.recorder, other))
    assert ours == theirs != pipeline.recorder.pseudonym(f"192.0.2.2\n{AGENT}")
    other._journal.file.close()
