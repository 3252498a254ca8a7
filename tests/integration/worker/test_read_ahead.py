"""In a backlog the next batch is read and added up while Postgres writes the one before."""

import random
from typing import Any

import pytest
import redis

from analytics_worker import consumer as consumer_module
from analytics_worker import counting
from analytics_worker.consumer import Consumer
from db.clicks.rollups import add_rollup
from db.clicks.tallies import Rollup
from db.clicks.wire import STREAMS
from db.connect.pool import Connection
from tests.click_pipeline import Pipeline

CHUNKS = 2  # in the first batch, of each stream


@pytest.fixture(autouse=True)
def small_batches(monkeypatch) -> None:
    monkeypatch.setattr(consumer_module, "FIRST_CHUNKS", CHUNKS)


def ship(pipeline: Pipeline, chunks: int) -> None:
    for _ in range(chunks):
        pipeline.click(5)
        pipeline.shipper.ship()


def consumers(pipeline: Pipeline) -> tuple[Consumer, Consumer]:
    return Consumer(pipeline.pool, pipeline.wire), Consumer(pipeline.pool, pipeline.wire)


def drain(consumer: Consumer) -> None:
    while consumer.consume(block_ms=1):
        pass


def test_next_batch_is_ready_when_this_one_is_written(pipeline: Pipeline, monkeypatch):
    def add_slowly(connection: Connection, rollup: Rollup) -> None:
        connection.execute("SELECT pg_sleep(0.2)")
        add_rollup(connection, rollup)

    ship(pipeline, 5)
    consumer, _ = consumers(pipeline)
    monkeypatch.setattr(counting, "add_rollup", add_slowly)
    assert consumer.consume(block_ms=1) == CHUNKS
    assert consumer._ahead is not None
    assert not consumer._ahead.step(), "a piece was left"
    assert pipeline.clicks() == 10
    assert pipeline.waiting() == 3
    drain(consumer)
    assert pipeline.clicks() == 25
    assert pipeline.waiting() == 0


def test_clicks_are_counted_once_when_another_worker_has_counted_what_was_read_ahead(
    pipeline: Pipeline,
):
    ship(pipeline, 9)
    first, second = consumers(pipeline)
    first.consume(block_ms=1)
    assert first._ahead
    first._ahead.finish()
    drain(second)
    assert pipeline.clicks() == 45
    drain(first)
    assert pipeline.clicks() == 45


def test_what_was_read_ahead_stays_in_the_stream_when_it_is_no_longer_ours(pipeline: Pipeline):
    ship(pipeline, 6)
    first, _ = consumers(pipeline)
    first.consume(block_ms=1)
    theirs = [number for number, stream in enumerate(STREAMS) if stream != pipeline.stream]
    assert first.consume(block_ms=1, partitions=theirs) == 0
    assert (pipeline.clicks(), pipeline.waiting()) == (10, 4)
    drain(first)
    assert (pipeline.clicks(), pipeline.waiting()) == (30, 0)


def test_batch_at_hand_is_counted_when_reading_ahead_fails(pipeline: Pipeline, monkeypatch):
    ship(pipeline, 6)
    first, _ = consumers(pipeline)
    read = pipeline.wire.xread

    def fail_ahead(*arguments: Any, block: int | None, **options: Any) -> object:
        if block is None:
            raise redis.ConnectionError("Redis was killed")
        return read(*arguments, block=block, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.wire, "xread", fail_ahead)
        assert first.consume(block_ms=1) == CHUNKS
        assert pipeline.clicks() == 10
        with pytest.raises(redis.ConnectionError):
            first.consume(block_ms=1)
    drain(first)
    assert (pipeline.clicks(), pipeline.waiting()) == (30, 0)


def disturb(pipeline: Pipeline, chance: random.Random) -> None:
    """Do something to what is in the stream."""
    entries: list[Any] = pipeline.wire.xrange(pipeline.stream)
    some = [entry for entry in entries if chance.random() < 0.3]
    match chance.randrange(4):
        case 0:
            for _, fields in some:
                pipeline.wire.xadd(pipeline.stream, fields)
        case 1:
            for entry_id, _ in some:
                pipeline.wire.xdel(pipeline.stream, entry_id)
        case 2:
            pipeline.wire.delete(pipeline.stream)
        case 3:
            pipeline.shipper.confirm()


@pytest.mark.parametrize("seed", range(8))
def test_clicks_are_counted_once_whatever_happens_between_reading_and_writing(
    pipeline: Pipeline, seed: int
):
    chance = random.Random(seed)
    workers = consumers(pipeline)
    expected = 0
    for _ in range(12):
        ship(pipeline, chunks := chance.randrange(6))
        expected += 5 * chunks
        disturb(pipeline, chance)
        chance.choice(workers).consume(block_ms=1)
        assert pipeline.clicks() <= expected
    for _ in range(20):  # losses are found one at a time
        pipeline.shipper.ship()
        for worker in workers:
            drain(worker)
        pipeline.shipper.confirm()
    assert pipeline.clicks() == expected
