"""app.clicks.journal_file: one owner each, and adopted whole when it dies."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from app.clicks.journal_file import adopt_orphans, create


def broken_disk(*_: object) -> None:
    raise OSError(errno.EIO, "the disk is broken")


def test_journal_is_left_to_its_owner_when_it_is_locked(tmp_path):
    file = create(tmp_path)
    assert list(adopt_orphans(tmp_path)) == []
    file.close()
    (adopted,) = adopt_orphans(tmp_path)
    assert adopted.producer == file.producer
    assert list(adopt_orphans(tmp_path)) == []


def test_journal_is_locked_before_it_has_its_name(tmp_path, monkeypatch):
    seen = []
    real_flock = fcntl.flock

    def flock(fd, operation):
        seen.extend(tmp_path.glob("*.journal"))
        real_flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    file = create(tmp_path)
    assert seen == []
    assert file.path.exists()


def test_journal_is_passed_over_when_its_owner_removes_it_at_that_moment(tmp_path, monkeypatch):
    file = create(tmp_path)
    file.close()
    real_flock = fcntl.flock

    def flock(fd, operation):
        file.path.unlink()
        real_flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert list(adopt_orphans(tmp_path)) == []


def test_journals_have_names_of_their_own_and_are_adopted_oldest_first(tmp_path):
    files = [create(tmp_path) for _ in range(3)]
    for file in files:
        file.close()
    (tmp_path / "notes.txt").touch()
    adopted = [file.producer for file in adopt_orphans(tmp_path)]
    assert adopted == sorted(file.producer for file in files)
    assert len(set(adopted)) == 3


@pytest.mark.parametrize("whole", [b"", b"a\n", b"a\nb\n", b"a" * 4096 + b"\n"])
@pytest.mark.parametrize("torn", [0, 1, 4095, 4096, 4097, 10_000])
def test_unfinished_line_is_cut_off_when_a_journal_is_adopted(tmp_path, whole, torn):
    file = create(tmp_path)
    os.write(file.fd, whole + b"x" * torn)
    file.close()
    (adopted,) = adopt_orphans(tmp_path)
    assert adopted.path.read_bytes() == whole


def test_removed_journal_is_gone_and_unlocked(tmp_path):
    file = create(tmp_path)
    file.remove()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file.fd)


def test_journals_behind_one_that_cannot_be_opened_are_adopted(tmp_path):
    (tmp_path / "0-damaged.journal").mkdir()
    create(tmp_path).close()
    (adopted,) = adopt_orphans(tmp_path)
    adopted.remove()


def test_files_that_are_no_journals_are_left_alone_and_others_adopted(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/0-\xff.journal")).write_bytes(b"x\n")
    outside = tmp_path / "outside"
    outside.write_bytes(b"half a line")
    (tmp_path / "1-link.journal").symlink_to(outside)
    os.mkfifo(tmp_path / "2-pipe.journal")
    (tmp_path / "3 spaces.journal").write_bytes(b"x\n")
    create(tmp_path).close()
    (adopted,) = adopt_orphans(tmp_path)
    adopted.remove()
    assert outside.read_bytes() == b"half a line"


def test_journal_of_a_dead_process_is_on_the_disk_once_it_is_adopted(tmp_path, monkeypatch):
    create(tmp_path).close()
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    (adopted,) = adopt_orphans(tmp_path)
    assert synced == [adopted.fd]


def test_nothing_is_left_when_a_journal_cannot_be_made(tmp_path, monkeypatch):
    opened = len(list(Path("/dev/fd").iterdir()))
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", broken_disk)
        with pytest.raises(OSError, match="broken"):
            create(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == opened
    (orphan,) = adopt_orphans(tmp_path)  # whoever finds it removes it: it is empty
    orphan.remove()
    with monkeypatch.context() as disk:
        disk.setattr(fcntl, "flock", broken_disk)
        with pytest.raises(OSError, match="broken"):
            create(tmp_path)
    assert list(tmp_path.iterdir()) == []
