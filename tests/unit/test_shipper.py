"""app.clicks.shipper: what can be said of it without its servers."""

import contextlib
import errno
import os

import pytest

from app.clicks.journal import Journal
from app.clicks.shipper import Shipper

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("failing", ["open", "fdatasync"])
def test_no_journal_is_forgotten_when_the_disk_fails_during_a_rotation(
    tmp_path, monkeypatch, failing
):
    journal = Journal(tmp_path)
    # Rotates whenever it is asked to. An empty journal is counted to its end, so no server is used.
    shipper = Shipper(directory=tmp_path, journal=journal, pool=None, wire=None, rotate_bytes=0)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk, contextlib.suppress(OSError):
        disk.setattr(os, failing, fail)
        shipper.tidy()
    shipper.tidy()
    journal.append(b"a line\n")
    assert shipper._own.file is journal.file
    assert list(tmp_path.iterdir()) == [journal.file.path]
