"""app.clicks.journal: lines that survive, in files with one owner."""

import contextlib
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from random import Random

import pytest

from app.clicks import journal as journal_module
from app.clicks.journal import Journal


def content(file) -> bytes:
    return file.path.read_bytes()


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path)


def test_lines_stay_whole_and_none_is_lost_when_many_threads_append(journal):
    lines = [b"%d:%s\n" % (number, b"x" * (number % 300)) for number in range(4_000)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(journal.append, lines))
    assert sorted(content(journal.file).splitlines(keepends=True)) == sorted(lines)


def test_lines_are_given_out_whole_when_the_last_is_unfinished(journal):
    journal.append(b"one\n")
    journal.append(b"two\n")
    journal.append(b"thr")
    file = journal.file
    assert file.read_lines(0, 100) == b"one\ntwo\n"
    assert file.read_lines(4, 100) == b"two\n"
    assert file.read_lines(0, 7) == b"one\n"
    assert file.read_lines(8, 100) == b""
    assert file.size() == 11


def test_old_file_does_not_change_when_a_write_overlaps_the_rotation(journal, monkeypatch):
    """The shipper removes a rotated file once it is counted: a late line would be lost."""
    entered, go_on = threading.Event(), threading.Event()
    real_write = os.write

    def write(fd, data):
        entered.set()
        go_on.wait()
        return real_write(fd, data)

    def rotate():
        old = journal.rotate()
        return old, content(old)

    with ThreadPoolExecutor(2) as threads:
        monkeypatch.setattr(os, "write", write)
        appending = threads.submit(journal.append, b"late\n")
        entered.wait()
        rotating = threads.submit(rotate)
        wait([rotating], timeout=0.1)  # it ends here only if it does not wait for the line
        go_on.set()
        appending.result()
        old, at_rotation = rotating.result()
    assert content(old) == at_rotation == b"late\n"


def test_lines_go_to_the_new_file_when_the_journal_is_rotated(journal):
    journal.append(b"one\n")
    old = journal.rotate()
    journal.append(b"two\n")
    assert content(old) == b"one\n"
    assert content(journal.file) == b"two\n"
    assert old.producer != journal.file.producer


@pytest.fixture
def full_disk(journal, monkeypatch):
    """Answers the next writes: a number of bytes that still fit, or None when the disk is full."""
    room: list[int | None] = []
    real_write = os.write

    def write(fd, data):
        fits = room.pop(0) if room else len(data)
        if fits is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(fd, data[:fits])

    monkeypatch.setattr(os, "write", write)
    return room


LINES = [b"first\n", b"second\n", b"third\n"]


@pytest.mark.parametrize("fits", [None, 0, 3])
def test_lines_are_held_and_written_in_order_when_the_disk_was_full_for_a_while(
    journal, full_disk, fits
):
    full_disk += [fits]
    for line in LINES:
        journal.append(line)
    assert (content(journal.file), journal.held, journal.written) == (b"", 19, 0)
    journal.flush()
    journal.append(b"fourth\n")
    assert content(journal.file) == b"".join([*LINES, b"fourth\n"])
    assert (journal.held, journal.written) == (0, 4)


# Of "first\nsecond\nthird\n".
@pytest.mark.parametrize(
    ("fits", "whole"), [(None, b""), (3, b""), (6, b"first\n"), (14, b"first\nsecond\n")]
)
def test_file_ends_with_a_whole_line_when_only_some_of_what_is_held_fits(
    journal, full_disk, fits, whole
):
    full_disk += [None, fits]
    for line in LINES:
        journal.append(line)
    with pytest.raises(OSError, match=r"full|No space"):
        journal.flush()
    assert content(journal.file) == whole
    journal.flush()
    assert content(journal.file) == b"".join(LINES)


# Otherwise it would never be wholly sent, and so never be removed.
def test_old_file_ends_with_a_whole_line_when_it_is_rotated_on_a_full_disk(journal, full_disk):
    journal.append(b"one\n")
    full_disk += [3]
    journal.append(b"second\n")
    old = journal.rotate()
    assert old.read_lines(0, 100) == content(old) == b"one\n"
    journal.flush()
    assert content(journal.file) == b"second\n"


def test_lines_are_refused_when_disk_and_memory_are_full(journal, full_disk, monkeypatch):
    monkeypatch.setattr(journal_module, "HELD_BYTES", 14)
    full_disk += [None]
    journal.append(b"first\n")
    journal.append(b"second\n")
    with pytest.raises(OSError, match="memory is full"):
        journal.append(b"third\n")
    journal.flush()
    assert content(journal.file) == b"first\nsecond\n"


def test_lines_wait_when_the_quota_is_used_up_and_are_written_when_there_is_room(tmp_path):
    journal = Journal(tmp_path, quota_bytes=13)
    for line in LINES:
        journal.append(line)
    assert (content(journal.file), journal.held) == (b"first\nsecond\n", 6)
    journal.leave_room(others_bytes=0)
    with pytest.raises(OSError, match="quota"):
        journal.flush()
    old = journal.rotate()
    journal.leave_room(others_bytes=old.size())
    with pytest.raises(OSError, match="quota"):
        journal.flush()
    journal.leave_room(others_bytes=0)
    journal.flush()
    assert content(journal.file) == b"third\n"


def test_no_line_is_lost_out_of_order_or_doubled_when_threads_append_to_a_disk_that_fails(
    journal, monkeypatch
):
    chance, real_write = Random(62), os.write

    def write(fd, data):
        fits = chance.choice([len(data), len(data), 0, len(data) // 2])
        return real_write(fd, data[:fits])

    def append(thread):
        for number in range(500):
            journal.append(b"%d %d\n" % (thread, number))

    monkeypatch.setattr(os, "write", write)
    with ThreadPoolExecutor(4) as threads:
        appending = [threads.submit(append, thread) for thread in range(4)]
        while not all(each.done() for each in appending) or journal.held:
            with contextlib.suppress(OSError):
                journal.flush()
        for each in appending:
            each.result()
    lines = [tuple(map(int, line.split())) for line in content(journal.file).splitlines()]
    for thread in range(4):
        assert [number for by, number in lines if by == thread] == list(range(500))
    assert journal.written == len(lines) == 2_000


def test_directory_is_made_for_its_owner_alone_when_it_is_missing(tmp_path):
    journal = Journal(tmp_path / "new" / "journal")
    assert journal.file.path.parent.stat().st_mode & 0o777 == 0o700
    assert journal.file.path.stat().st_mode & 0o777 == 0o600


def test_line_is_refused_when_the_journal_is_sealed(journal):
    journal.append(b"one\n")
    assert journal.seal() == 0
    with pytest.raises(OSError, match="closed"):
        journal.append(b"two\n")
    assert content(journal.file) == b"one\n"


def test_held_lines_are_written_or_counted_as_lost_when_the_journal_is_sealed(journal, full_disk):
    full_disk += [None, 6]
    for line in LINES:
        journal.append(line)
    assert journal.seal() == 2
    assert (content(journal.file), journal.held) == (b"first\n", 0)


def test_damage_without_an_end_is_not_in_the_way_of_what_follows(journal):
    journal.append(b"\0" * 300 + b"\n")
    assert journal.file.read_lines(0, 100) == b"\0" * 100
    assert journal.file.read_lines(200, 100) == b"\0" * 100
    assert journal.file.read_lines(300, 100) == b"\n"


def test_lines_are_synced_once_and_in_the_file_that_they_are_in(journal, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(Path(f"/dev/fd/{fd}").readlink()))
    journal.sync()
    assert synced == []  # nothing was written
    journal.append(b"one\n")
    journal.sync()
    journal.sync()
    first = journal.file.path
    journal.rotate()
    journal.append(b"two\n")
    journal.sync()
    assert synced == [first, journal.file.path]


def test_lines_are_synced_again_when_the_disk_failed(journal, monkeypatch):
    journal.append(b"one\n")
    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", broken_disk)
        with pytest.raises(OSError, match="broken"):
            journal.sync()
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    journal.sync()
    assert len(synced) == 1


def broken_disk(*_: object) -> None:
    raise OSError(errno.EIO, "the disk is broken")


def test_no_line_is_torn_when_half_of_it_cannot_be_taken_back(journal, full_disk, monkeypatch):
    with monkeypatch.context() as disk:
        disk.setattr(os, "ftruncate", broken_disk)
        full_disk += [3]
        for line in LINES:
            journal.append(line)
        for attempt in (journal.flush, journal.flush, journal.rotate):
            with pytest.raises(OSError, match="broken"):
                attempt()
    assert (journal.written, journal.held) == (0, 19)
    journal.flush()
    assert content(journal.file) == b"".join(LINES)
    assert list(journal.file.path.parent.iterdir()) == [journal.file.path]


def test_no_line_is_doubled_when_half_of_the_next_cannot_be_taken_back(
    journal, full_disk, monkeypatch
):
    full_disk += [None, 14]
    for line in LINES:
        journal.append(line)
    with monkeypatch.context() as disk:
        disk.setattr(os, "ftruncate", broken_disk)
        with pytest.raises(OSError, match="broken"):
            journal.flush()
    assert (journal.written, journal.held) == (2, 6)
    journal.flush()
    assert content(journal.file) == b"".join(LINES)
