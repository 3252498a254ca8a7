"""app.clicks.shipper: what can be said of it without its servers."""

import contextlib
import errno
import os

import pytest

from app.clicks.journal import Journal
from app.clicks.shipper import Shipper

pytestmark = pytest.mark.unit


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path)


@pytest.fixture
def shipper(journal, tmp_path):
    """Rotates at every look; an empty journal is all counted, so no server is asked about it."""
    return Shipper(
        directory=tmp_path,
        journal=journal,
        pool=None,
        wire=None,
        rotate_bytes=0,
    )


@pytest.mark.parametrize("failing", ["open", "fdatasync"])
def test_no_journal_is_forgotten_when_the_disk_fails_during_a_rotation(
    shipper, journal, tmp_path, monkeypatch, failing
):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, failing, fail)
        with contextlib.suppress(OSError):
            shipper.tidy()
    shipper.tidy()
    journal.append(b"a line\n")
    assert shipper._own.file is journal.file
    assert [journal.file.path] == list(tmp_path.iterdir())
