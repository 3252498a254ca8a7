"""Each click counts once, whatever happens to the streams between two batches."""

import random
from typing import Any

import pytest

from analytics_worker import consumer as consumer_module
from analytics_worker.consumer import Consumer
from tests.click_pipeline import Pipeline


def ship(pipeline: Pipeline, chunks: int) -> None:
    for _ in range(chunks):
        pipeline.click(5)
        pipeline.shipper.ship()


def drain(consumer: Consumer) -> None:
    while consumer.consume(block_ms=1):
        pass


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
def test_clicks_are_counted_once_when_two_workers_read_a_disturbed_stream(
    pipeline: Pipeline, monkeypatch, seed: int
):
    monkeypatch.setattr(consumer_module, "CHUNKS_PER_STREAM", 2)
    chance = random.Random(seed)
    workers = [Consumer(pipeline.pool, pipeline.wire) for _ in range(2)]
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


def test_streams_of_other_workers_are_left_alone(pipeline: Pipeline):
    ship(pipeline, 3)
    theirs = [number for number in consumer_module.ALL if f"clicks:{number}" != pipeline.stream]
    assert pipeline.consumer.consume(block_ms=1, partitions=theirs) == 0
    assert (pipeline.clicks(), pipeline.waiting()) == (0, 3)
    drain(pipeline.consumer)
    assert (pipeline.clicks(), pipeline.waiting()) == (15, 0)
