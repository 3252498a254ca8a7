"""The first tier with real parts: the same answers as Flask, and never an old one for long."""

import contextlib
import dataclasses
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from werkzeug.test import create_environ

from app.factory import create_app
from app.process import WebProcess, open_process
from app.settings import Settings
from db.connect import embedded
from tests.integration.conftest import Hop
from tests.running_demo import wait_until

TARGET = "https://example.org/"


def answer(app: Any, path: str, **more: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    """What the server is given to send, to the letter."""
    given: list[Any] = []
    body = app(create_environ(path, **more), lambda *head: given.append(head))
    with contextlib.closing(body) if hasattr(body, "close") else contextlib.nullcontext():
        return given[0][0], given[0][1], b"".join(body)


@pytest.fixture
def app(hop: Hop):
    wait_until(lambda: hop.process.memory.is_tracked, within_s=5)
    return create_app(hop.process).wsgi_app


@pytest.mark.parametrize("more", [{}, {"ttl": 3600}, {"url": "https://exämple.org/ü?q=%20&r=|#f"}])
def test_hot_answer_is_that_of_flask_to_the_letter(hop: Hop, app, monkeypatch, more: dict):
    code = hop.shorten(**{"url": TARGET, **more})
    settle(hop)
    cold = answer(app, f"/{code}")
    monkeypatch.setattr(
        type(hop.process.reader), "resolve", None
    )  # from here on, Flask could not answer
    assert answer(app, f"/{code}") == cold
    assert answer(app, f"/{code}?utm_source=x") == cold
    monkeypatch.undo()
    assert answer(app, f"/{code}", method="HEAD") == cold
    assert hop.clicks_once(code, 3) == 3


@pytest.mark.parametrize(
    ("status", "line"), [(301, "301 MOVED PERMANENTLY"), (307, "307 TEMPORARY REDIRECT")]
)
def test_hot_answer_follows_the_settings(hop: Hop, status: int, line: str):
    changed = msgspec.structs.replace(
        hop.process.settings, redirect_status=status, redirect_cache_control="max-age=5"
    )
    app = create_app(dataclasses.replace(hop.process, settings=changed)).wsgi_app
    code = hop.shorten()
    settle(hop)
    cold, hot = answer(app, f"/{code}"), answer(app, f"/{code}")
    assert hot == cold
    assert hot[0] == line
    assert ("Cache-Control", "max-age=5") in hot[1]


def test_links_that_do_not_redirect_never_enter(hop: Hop, app):
    code = hop.shorten()
    hop.process.editor.edit(code, enabled=False)
    settle(hop)
    for path in (f"/{code}", "/nothing", "/", "/healthz", f"/api/v1/links/{code}"):
        answer(app, path)
    assert len(hop.process.memory) == 0


def test_link_is_gone_from_memory_when_its_time_is_over(hop: Hop, app):
    code = hop.shorten(ttl=1)
    settle(hop)
    assert answer(app, f"/{code}")[0] == "302 FOUND"
    wait_until(lambda: answer(app, f"/{code}")[0] == "410 GONE", within_s=1.5)


@pytest.fixture
def neighbours(settings: Settings) -> Iterator[list[WebProcess]]:
    """Three web processes, as far as they know: each has its own memory."""
    opened = [open_process(settings) for _ in range(3)]
    for each in opened:
        wait_until(lambda each=each: each.memory.is_tracked, within_s=5)
    yield opened
    for each in opened:
        each.close(drain_s=0)


def test_no_process_serves_an_old_target_100_ms_after_an_edit(neighbours: list[WebProcess]):
    history = History(neighbours)
    history.run(seconds=4, disturb=lambda: None)
    assert history.reads > 2_000
    assert history.from_memory > history.reads / 4  # or nothing was put to the test
    assert history.edits > 50
    assert history.stale(allowed_s=0.1) == []


def test_no_process_serves_an_old_target_for_a_second_when_redis_is_killed_again_and_again(
    settings: Settings, tmp_path: Path
):
    server = embedded.prepare_redis(tmp_path / "redis")
    process = server.start()
    embedded.wait_until_ready(server, process, timeout_s=20)
    neighbours = [
        open_process(msgspec.structs.replace(settings, redis_url=server.url)) for _ in range(2)
    ]

    def disturb() -> None:
        nonlocal process
        process.kill()
        process.wait()
        time.sleep(0.3)
        process = server.start()

    try:
        history = History(neighbours)
        history.run(seconds=6, disturb=disturb)
        assert history.edits > 5
        assert history.stale(allowed_s=1.2) == []
    finally:
        for each in neighbours:
            each.close(drain_s=0)
        process.send_signal(server.stop_signal)
        process.wait(timeout=20)


class History:
    """Readers and an editor at work on a few links; each target is the number of its edit."""

    CODES = ("one", "two", "three")

    def __init__(self, processes: list[WebProcess]) -> None:
        self._processes = processes
        self._apps = [create_app(each).wsgi_app for each in processes]
        self._acknowledged: dict[str, list[tuple[float, int]]] = {code: [] for code in self.CODES}
        self._seen: list[tuple[float, str, int]] = []  # when asked, of whom, the edit seen
        self.from_memory = 0
        self._stop = threading.Event()

    @property
    def reads(self) -> int:
        return len(self._seen)

    @property
    def edits(self) -> int:
        return sum(len(edits) for edits in self._acknowledged.values())

    def run(self, seconds: float, disturb: Any) -> None:
        for code in self.CODES:
            self._processes[0].shortener.shorten(f"{TARGET}0", alias=code)
            self._acknowledged[code].append((time.monotonic(), 0))
        threads = [threading.Thread(target=self._edit)]
        threads += [threading.Thread(target=self._read, args=(n,)) for n in range(len(self._apps))]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1)
            disturb()
        self._stop.set()
        for thread in threads:
            thread.join()

    def _edit(self) -> None:
        chance, number = random.Random(1), 0
        while not self._stop.is_set():
            number += 1
            code, by = chance.choice(self.CODES), chance.choice(self._processes)
            by.editor.edit(code, target_url=f"{TARGET}{number}")
            self._acknowledged[code].append((time.monotonic(), number))
            time.sleep(chance.uniform(0, 0.05))

    def _read(self, process: int) -> None:
        chance, app = random.Random(process), self._apps[process]
        memory = self._processes[process].memory
        while not self._stop.is_set():
            code = chance.choice(self.CODES)
            asked = time.monotonic()
            in_memory = memory.get(f"/{code}") is not None
            status, headers, _ = answer(app, f"/{code}")
            assert status == "302 FOUND"
            self._seen.append((asked, code, int(dict(headers)["Location"].rpartition("/")[2])))
            self.from_memory += in_memory
            time.sleep(0.0005)

    def stale(self, allowed_s: float) -> list[str]:
        """Reads that saw less than what had been acknowledged `allowed_s` before they began."""
        found = []
        for asked, code, seen in self._seen:
            due = [n for at, n in self._acknowledged[code] if at + allowed_s < asked]
            if due and seen < max(due):
                late = asked - next(at for at, n in self._acknowledged[code] if n > seen)
                found.append(f"{code}: saw {seen} instead of {max(due)}, {late:.3f} s late")
        return found


def settle(hop: Hop) -> None:
    """Let the announcement of what was just written pass, which would empty the memory again."""
    before = -1
    while before != hop.process.memory.ticket():
        before = hop.process.memory.ticket()
        time.sleep(0.05)


def test_process_that_made_a_change_sees_it_at_once(hop: Hop, app):
    """Even if Redis announces it late."""
    code = hop.shorten()
    settle(hop)
    hop.process.listener.close()  # as late as can be
    answer(app, f"/{code}")
    for number in range(20):
        hop.process.editor.edit(code, target_url=f"{TARGET}{number}")
        for _ in range(2):
            assert ("Location", f"{TARGET}{number}") in answer(app, f"/{code}")[1]
    hop.process.editor.delete(code)
    assert answer(app, f"/{code}")[0] == "404 NOT FOUND"
