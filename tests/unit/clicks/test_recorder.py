"""app.clicks.recorder: what is written of a request, and what is not."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from structlog.testing import capture_logs

from app.clicks import journal as journal_module
from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from db.clicks.wire import LINE_BYTES, Click, decode_click, encode_click

ENVIRON = {
    "REMOTE_ADDR": "203.0.113.9",
    "HTTP_USER_AGENT": "Mozilla/5.0",
    "HTTP_REFERER": "https://me:pass@news.example:8443/item?q=secret#token",
    "HTTP_ACCEPT_LANGUAGE": "de-DE,de;q=0.9",
    "QUERY_STRING": "email=me@example.com",
}


@pytest.fixture
def recorder(tmp_path):
    made = ClickRecorder(Journal(tmp_path))
    made.use_visitor_key(date(2024, 2, 29), b"k" * 32)
    return made


def written(recorder: ClickRecorder) -> list[bytes]:
    return recorder._journal.file.path.read_bytes().splitlines(keepends=True)


def clicks(recorder: ClickRecorder) -> list[Click]:
    return [decode_click(line) for line in written(recorder)]


def test_click_says_what_was_asked_for_when_it_is_read_back(recorder):
    before_ms = time.time_ns() // 1_000_000
    recorder.record(ENVIRON, "abc")
    (click,) = clicks(recorder)
    assert before_ms <= click.at_ms <= time.time_ns() // 1_000_000
    assert (click.code, click.user_agent) == ("abc", "Mozilla/5.0")
    assert (click.referrer, click.language) == ("news.example/item", "de-DE,de;q=0.9")
    assert len(bytes.fromhex(click.visitor)) == 8


@pytest.mark.parametrize("private", ["203.0.113.9", "secret", "?", "token", "pass", "email"])
def test_line_holds_nothing_private(recorder, private):
    recorder.record(ENVIRON, "abc")
    (line,) = written(recorder)
    assert private.encode() not in line


@pytest.mark.parametrize(
    ("referrer", "kept"),
    [
        ("", ""),
        ("https://News.Example", "news.example"),
        ("android-app://com.example.app", "com.example.app"),
        ("https://[::1/x?q=secret", ""),  # not an address
        ("?q=secret", ""),
        ("about:blank", ""),
        ("about:client", ""),
        ("/only/a/path", ""),
        ("https://news.example/a\tb\nc", "news.example/abc"),
    ],
)
def test_referrer_is_kept_without_its_query_whatever_it_looks_like(recorder, referrer, kept):
    recorder.record({"HTTP_REFERER": referrer}, "abc")
    assert clicks(recorder)[0].referrer == kept


def test_visitor_is_the_same_however_a_proxy_writes_the_address(recorder):
    written = ("203.0.113.9", "203.0.113.9:50001", "::ffff:203.0.113.9")
    for address in written:
        recorder.record({"HTTP_USER_AGENT": "x", "REMOTE_ADDR": address}, "abc")
    assert len({click.visitor for click in clicks(recorder)}) == 1


def test_visitor_is_the_same_when_address_browser_and_key_are(recorder):
    other_address = ENVIRON | {"REMOTE_ADDR": "203.0.113.10"}
    other_browser = ENVIRON | {"HTTP_USER_AGENT": "Mozilla/6.0"}
    for environ in (ENVIRON, ENVIRON, other_address, other_browser):
        recorder.record(environ, "abc")
    recorder.use_visitor_key(date(2024, 3, 1), b"j" * 32)
    recorder.record(ENVIRON, "abc")
    first, again, *others = [click.visitor for click in clicks(recorder)]
    assert first == again
    assert len({first, *others}) == 4


def test_visitors_are_hashed_with_a_key_of_the_process_when_none_was_given(tmp_path):
    recorders = [ClickRecorder(Journal(tmp_path)) for _ in range(2)]
    for recorder in recorders:
        recorder.record(ENVIRON, "abc")
    assert len({clicks(recorder)[0].visitor for recorder in recorders}) == 2


def test_click_is_one_line_when_headers_hold_tabs(recorder):
    recorder.record(ENVIRON | {"HTTP_USER_AGENT": "a\tb", "HTTP_ACCEPT_LANGUAGE": "de\ten"}, "abc")
    (click,) = clicks(recorder)
    assert (click.code, click.language, click.user_agent) == ("abc", "de en", "a b")


# One byte, four, one, two.
@pytest.mark.parametrize("character", ["\x01", "\N{GRINNING FACE}", '"', "ÿ"])
def test_line_fits_when_the_headers_are_as_long_as_can_be(recorder, character):
    header = character * 10_000
    recorder.record(
        {
            "REMOTE_ADDR": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "HTTP_USER_AGENT": header,
            "HTTP_REFERER": f"https://example.com/{header}",
            "HTTP_ACCEPT_LANGUAGE": header,
        },
        "a" * 64,
    )
    (line,) = written(recorder)
    assert len(line) <= LINE_BYTES


@pytest.fixture
def _no_room(recorder, monkeypatch):
    """A disk that is full, and memory for three lines."""
    line = encode_click("abc", time.time_ns() // 1_000_000, visitor="0" * 16)
    monkeypatch.setattr(journal_module, "HELD_BYTES", 3 * len(line))

    def write(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)


@pytest.mark.usefixtures("_no_room")
def test_request_goes_on_and_each_loss_is_counted_when_disk_and_memory_are_full(recorder):
    def record(_):
        for _ in range(100):
            recorder.record({}, "abc")

    with capture_logs() as logs, ThreadPoolExecutor(8) as threads:
        list(threads.map(record, range(8)))
    assert recorder.dropped == 800 - 3
    assert [(entry["log_level"], entry["dropped"]) for entry in logs] == [("error", 1)]


def test_no_click_is_dropped_when_the_disk_has_room_again(recorder, monkeypatch, request):
    request.getfixturevalue("_no_room")
    for _ in range(3):
        recorder.record({}, "abc")
    assert (recorder.journaled, recorder.dropped) == (0, 0)
    monkeypatch.undo()
    recorder.close()
    assert (len(clicks(recorder)), recorder.journaled, recorder.dropped) == (3, 3, 0)


@pytest.mark.usefixtures("_no_room")
def test_held_clicks_are_counted_as_dropped_when_the_process_ends_without_room(recorder):
    for _ in range(3):
        recorder.record({}, "abc")
    with capture_logs() as logs:
        recorder.close()
    assert recorder.dropped == 3
    assert [entry["dropped"] for entry in logs] == [3]


def test_request_goes_on_when_a_header_cannot_be_encoded(recorder):
    recorder.record(ENVIRON | {"HTTP_USER_AGENT": "\ud800"}, "abc")
    assert recorder.dropped == 1


def test_clicks_are_on_the_disk_when_the_process_has_ended(recorder, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    recorder.record(ENVIRON, "abc")
    recorder.close()
    assert len(synced) == 1
