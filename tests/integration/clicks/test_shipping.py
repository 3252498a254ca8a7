"""The shipper on bad days: an outage, a broken disk, a journal that cannot be read."""

import errno
import os

import pytest
import redis

from app.clicks.journal_file import adopt_orphans, create
from app.clicks.lag import read_lag
from app.clicks.shipper import CHUNKS_PER_RUN
from db.clicks.wire import STREAMS
from db.errors import DatabaseUnavailableError
from tests.click_pipeline import Pipeline


def broken(*_: object) -> None:
    raise OSError(errno.EIO, "the disk is broken")


def test_shipping_after_an_outage_lets_other_jobs_have_their_turn(pipeline: Pipeline, monkeypatch):
    monkeypatch.setattr("app.clicks.outbox.CHUNK_BYTES", 400)
    pipeline.click(100)
    pipeline.shipper.ship()
    assert pipeline.waiting() == CHUNKS_PER_RUN
    for _ in range(10):
        pipeline.deliver()
    assert pipeline.clicks() == 100


def test_unreadable_journal_of_another_process_is_in_nobodys_way(pipeline: Pipeline, monkeypatch):
    pipeline.click(3, "lost")
    pipeline.journal.file.close()
    pipeline.start()
    pipeline.shipper.adopt()
    (unreadable,) = (outbox.file for outbox in pipeline.shipper._others)
    real_pread = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        if fd == unreadable.fd:
            raise OSError(errno.EIO, "the disk is broken")
        return real_pread(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    pipeline.click(2)
    pipeline.deliver()
    assert pipeline.clicks() == 2
    assert list(adopt_orphans(pipeline.directory)) == []  # it is not tried again all the time
    unreadable.close()  # as with the process
    pipeline.journal.file.close()
    monkeypatch.undo()
    pipeline.start()
    pipeline.shipper.adopt()
    pipeline.deliver()
    assert pipeline.clicks("lost") == 3


def test_journal_is_left_to_others_when_its_receipt_cannot_be_had(pipeline: Pipeline):
    create(pipeline.directory).close()
    pipeline.pool.close()
    with pytest.raises(DatabaseUnavailableError):
        pipeline.shipper.adopt()
    (orphan,) = adopt_orphans(pipeline.directory)
    orphan.remove()


def test_process_ends_in_order_when_the_disk_fails(pipeline: Pipeline, monkeypatch):
    pipeline.click(1)
    pipeline.deliver()
    pipeline.click(1)
    pipeline.journal.rotate()

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", broken)
        pipeline.shipper.close(drain_s=0)
    pipeline.start()
    pipeline.shipper.adopt()
    pipeline.deliver()
    assert pipeline.clicks() == 2


def test_key_in_place_of_a_stream_stops_no_other_stream(pipeline: Pipeline, redis_client):
    other = next(stream for stream in STREAMS if stream != pipeline.stream)
    redis_client.set(other, "no stream")
    pipeline.click(3)
    pipeline.deliver()
    assert pipeline.clicks() == 3
    found = read_lag(pipeline.directory, pipeline.pool, redis_client)
    assert (found.clicks, found.stream_length) == (0, 0)


def test_clicks_wait_while_a_key_stands_in_place_of_their_stream(pipeline: Pipeline, redis_client):
    redis_client.set(pipeline.stream, "no stream")
    pipeline.click(3)
    with pytest.raises(redis.ResponseError):
        pipeline.shipper.ship()
    pipeline.shipper.confirm()
    assert pipeline.consumer.consume(block_ms=1) == 0
    redis_client.delete(pipeline.stream)
    pipeline.deliver()
    assert pipeline.clicks() == 3
