"""What is seen of clicks on their way, of their loss, and of journals that are gone."""

import errno
import os
import shutil
import time
from pathlib import Path

from app.clicks import journal as journal_module
from app.clicks import lag as lag_module
from app.clicks.journal import Journal
from app.clicks.journal_file import JournalFile
from app.clicks.lag import Lag, read_lag
from db.clicks.receipts import count_dropped, mark_removed, prune_receipts, read_receipts
from db.clicks.wire import Chunk, encode_click
from tests.click_pipeline import Pipeline
from tests.integration.conftest import Hop


def lag(pipeline: Pipeline) -> Lag:
    return read_lag(pipeline.directory, pipeline.pool, pipeline.wire)


def test_lag_is_what_lies_between_the_receipts_and_the_ends_of_all_journals(pipeline: Pipeline):
    assert lag(pipeline) == Lag(0, 0, 0.0, 0, 0, 0)
    pipeline.click(3)
    pipeline.deliver()
    assert lag(pipeline) == Lag(0, 0, 0.0, 0, 0, 0)

    line = encode_click("abc", time.time_ns() // 1_000_000 - 90_000)
    other = Journal(pipeline.directory)  # of another process
    other.append(line)
    other.append(b"{damaged}\n")
    pipeline.click(4)
    pipeline.shipper.ship()
    found = lag(pipeline)
    own_bytes = pipeline.journal.file.size() * 4 // 7
    assert (found.clicks, found.bytes) == (6, len(line) + 10 + own_bytes)
    assert 90 <= found.oldest_age_s < 100
    assert found.stream_length == 1
    other.file.remove()


def test_lag_has_no_age_when_the_oldest_line_is_damaged(pipeline: Pipeline):
    pipeline.journal.append(b"{damaged}\n")
    assert (lag(pipeline).clicks, lag(pipeline).oldest_age_s) == (1, 0.0)
    pipeline.deliver()
    assert (lag(pipeline).clicks, lag(pipeline).dead_letters) == (0, 1)


def test_clicks_are_estimated_from_the_first_lines_when_many_wait(pipeline: Pipeline, monkeypatch):
    line = encode_click("abc", time.time_ns() // 1_000_000)
    other = Journal(pipeline.directory)
    for journal in (pipeline.journal, other):
        for _ in range(500):
            journal.append(line)
    assert (lag(pipeline).clicks, lag(pipeline).is_estimate) == (1_000, False)
    read, count_lines = [], JournalFile.count_lines

    def watched(file: JournalFile, start: int, stop: int) -> int:
        read.append(stop - start)
        return count_lines(file, start, stop)

    monkeypatch.setattr(lag_module, "COUNT_BYTES", 10 * len(line))
    monkeypatch.setattr(JournalFile, "count_lines", watched)
    found = lag(pipeline)
    assert (found.clicks, found.bytes, found.is_estimate) == (1_000, 1_000 * len(line), True)
    assert sum(read) == 10 * len(line)
    other.file.remove()


def test_clicks_are_followed_by_counters_when_some_are_sent_again(pipeline: Pipeline):
    pipeline.click(5)
    pipeline.shipper.ship()
    pipeline.wire.flushdb()
    pipeline.deliver()
    shipper = pipeline.shipper
    assert (pipeline.recorder.journaled, shipper.shipped, shipper.receipted) == (5, 10, 5)


def test_drops_are_known_to_all_hosts_and_once_when_they_are_reported_again(
    pipeline: Pipeline, monkeypatch
):
    def write(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(journal_module, "HELD_BYTES", 0)
        disk.setattr(os, "write", write)
        pipeline.click(3)
        pipeline.recorder.report_dropped(pipeline.pool)
        pipeline.recorder.report_dropped(pipeline.pool)
        pipeline.click(1)
        pipeline.recorder.report_dropped(pipeline.pool)
    assert count_dropped(pipeline.pool) == lag(pipeline).dropped == 4


def test_clicks_beyond_the_quota_are_counted_once_there_is_room(pipeline: Pipeline):
    pipeline.journal.file.remove()
    pipeline.start(quota_bytes=2_000)
    for _ in range(3):  # each time several times the quota
        pipeline.click(40)
        assert pipeline.journal.held > 0
        assert sum(path.stat().st_size for path in pipeline.directory.iterdir()) <= 2_000
        while pipeline.journal.held:
            pipeline.deliver()
            pipeline.write_held()
    pipeline.deliver()
    assert (pipeline.clicks(), pipeline.recorder.dropped) == (120, 0)


def test_held_clicks_are_written_by_whoever_makes_room_when_the_quota_was_used_up(
    pipeline: Pipeline,
):
    pipeline.journal.file.remove()
    pipeline.start(quota_bytes=2_000)
    pipeline.click(60)
    assert pipeline.journal.held > 4_000
    for _ in range(3):  # and nobody calls flush: its job may be waiting for its next attempt
        pipeline.deliver()
    assert (pipeline.journal.held, pipeline.clicks(), pipeline.recorder.dropped) == (0, 60, 0)


def test_receipt_is_forgotten_only_long_after_its_journal_was_removed(pipeline: Pipeline):
    for producer in ("old", "removed lately", "of a host that is switched off"):
        pipeline.count([Chunk(producer.replace(" ", "-"), 0, b"{}\n")])
    mark_removed(pipeline.pool, ["old", "removed-lately"])
    with pipeline.pool.connection() as connection:
        connection.execute(
            "UPDATE click_producers SET updated_at = now() - interval '1 year',"
            " removed_at = removed_at - interval '31 days' * (producer = 'old')::integer"
        )
    assert prune_receipts(pipeline.pool) == 1
    receipts = read_receipts(
        pipeline.pool, ["old", "removed-lately", "of-a-host-that-is-switched-off"]
    )
    assert list(receipts.values()) == [0, 3, 3]


def test_removal_is_noted_when_a_journal_is_counted_to_its_end(pipeline: Pipeline):
    pipeline.journal.file.remove()
    pipeline.start(rotate_bytes=100)
    rotated = pipeline.journal.file.producer
    pipeline.click(3)
    pipeline.deliver()
    last = pipeline.journal.file.producer
    pipeline.click(1)
    pipeline.deliver()
    pipeline.shipper.close()
    with pipeline.pool.connection() as connection:
        rows = connection.execute(
            "SELECT producer FROM click_producers WHERE removed_at IS NOT NULL"
        ).fetchall()
    assert {name for (name,) in rows} == {rotated, last}
    assert pipeline.journals() == []
    pipeline.start()


def test_host_is_ready_when_counting_lags(hop: Hop):
    code = hop.shorten()
    for thread in hop.process.job_threads:  # nothing is shipped
        thread.close()
    assert hop.client.get(f"/{code}").status_code == 302
    found = read_lag(
        Path(hop.process.settings.journal_dir), hop.process.pool, hop.process.patient_client
    )
    assert found.clicks == 1
    assert hop.client.get("/readyz").status_code == 200
    assert hop.client.get("/readyz").json["status"] == "ok"


def test_journal_that_cannot_be_looked_at_is_said_and_the_others_are_counted(pipeline: Pipeline):
    pipeline.click(3)
    closed = pipeline.directory / "cannot-be-opened.journal"
    closed.symlink_to(closed)
    broken = pipeline.directory / "cannot-be-read.journal"
    (broken / "inside").mkdir(parents=True)
    found = lag(pipeline)
    assert (found.clicks, found.unreadable) == (3, 2)
    closed.unlink()
    shutil.rmtree(broken)
