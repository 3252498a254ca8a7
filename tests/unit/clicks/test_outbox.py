"""app.clicks.outbox: what to send, and what to send again."""

import os

import pytest

from app.clicks import outbox as outbox_module
from app.clicks.journal_file import create
from app.clicks.outbox import Outbox


@pytest.fixture
def outbox(tmp_path, monkeypatch):
    """Three lines, of which two went out as chunks of their own: bytes [0, 10) and [10, 20)."""
    monkeypatch.setattr(outbox_module, "CHUNK_BYTES", 10)
    file = create(tmp_path)
    os.write(file.fd, b"line one.\nline two.\nline 3\n")
    made = Outbox(file)
    for entry_id in (b"1-0", b"2-0"):
        made.note_sent(entry_id, made.next_chunk())
    return made


def test_chunks_follow_each_other_when_they_are_sent(outbox):
    chunk = outbox.next_chunk()
    assert (chunk.producer, chunk.offset, chunk.lines) == (outbox.file.producer, 20, b"line 3\n")
    assert outbox.next_chunk() == chunk  # not sent yet
    outbox.note_sent(b"3-0", chunk)
    assert outbox.next_chunk() is None


@pytest.mark.parametrize(
    ("receipted", "oldest_missing", "sent", "in_flight"),
    [
        pytest.param(0, False, 20, [b"1-0", b"2-0"], id="nothing counted yet"),
        pytest.param(10, False, 20, [b"2-0"], id="oldest counted, after the look at the stream"),
        pytest.param(10, True, 20, [b"2-0"], id="oldest counted and deleted"),
        pytest.param(20, True, 20, [], id="all counted"),
        pytest.param(0, True, 0, [], id="lost: all of it goes out again"),
        pytest.param(5, True, 5, [], id="lost, and an older owner's chunk counted in part"),
        pytest.param(5, False, 20, [b"1-0", b"2-0"], id="an older owner's chunk counted in part"),
        pytest.param(27, True, 27, [], id="an older owner's chunks reach further than ours"),
    ],
)
def test_receipt_moves_the_outbox(outbox, receipted, oldest_missing, sent, in_flight):
    outbox.note_receipt(receipted, oldest_missing=oldest_missing)
    assert outbox.receipted == receipted
    assert outbox.sent == sent
    assert [entry_id for entry_id, _ in outbox.in_flight] == in_flight
    assert outbox.is_done() == (receipted == 27)


def test_bytes_go_out_again_when_the_receipt_goes_back(outbox):
    """Postgres was restored from a backup, or a replica took over without the last commits."""
    outbox.note_receipt(20, oldest_missing=False)
    outbox.note_receipt(10, oldest_missing=False)
    assert outbox.next_chunk().offset == 10


def test_outbox_is_done_when_every_byte_written_is_counted(outbox):
    outbox.note_receipt(20, oldest_missing=False)
    assert not outbox.is_done()
    outbox.note_receipt(27, oldest_missing=False)
    assert outbox.is_done()
    os.write(outbox.file.fd, b"more\n")
    assert not outbox.is_done()


def test_journal_is_done_when_its_end_was_counted_and_then_lost_in_a_power_cut(outbox):
    os.ftruncate(outbox.file.fd, 10)
    outbox.note_receipt(27, oldest_missing=True)
    assert outbox.is_done()
    assert outbox.next_chunk() is None
