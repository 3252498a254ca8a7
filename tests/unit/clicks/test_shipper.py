"""app.clicks.shipper: what can be said of it without its servers."""

import contextlib
import errno
import os

import pytest

from app.clicks.journal import Journal
from app.clicks.shipper import Shipper


@pytest.mark.parametrize("failing", ["open", "fdatasync"])
def test_no_journal_is_forgotten_when_the_disk_fails_during_a_rotation(
    tmp_path, monkeypatch, failing
):
    journal = Journal(tmp_path)
    # Rotates whenever it is asked to. An empty journal is counted to its end, so no server is used.
    shipper = Shipper(
        directory=tmp_path, journal=journal, pool=None, stream_client=None, rotate_bytes=0
    )

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk, contextlib.suppress(OSError):
        disk.setattr(os, failing, fail)
        shipper.tidy()
    shipper.tidy()
    journal.append(b"a line\n")
    assert shipper._own.file is journal.file
    assert list(tmp_path.iterdir()) == [journal.file.path]


def test_rotated_journal_is_synced_in_the_end_when_the_disk_failed_at_first(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    shipper = Shipper(
        directory=tmp_path, journal=journal, pool=None, stream_client=None, rotate_bytes=5
    )
    journal.append(b"a line\n")
    old, synced = journal.file, []

    def fail(_fd):
        raise OSError(errno.EIO, "the disk is broken")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="broken"):
            shipper.tidy()
    monkeypatch.setattr(os, "fdatasync", synced.append)
    shipper.tidy()
    assert synced == [old.fd]
