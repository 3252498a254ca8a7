"""Each process in turn is killed under traffic; every answered redirect is counted once.

The left side of the reconciliation is what the client saw. An answer that the kill cut off may be
counted or not: there are at most as many of those as connections were open.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.running_demo import RunningDemo, wait_until

pytestmark = pytest.mark.chaos

REDIRECTS = 2_000
CLIENTS = 8


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("chaos"), "--no-seed")
    running.start()
    yield running
    assert running.stop() == []


class Traffic:
    """Clients that follow short links until enough were answered, and count what they saw."""

    def __init__(self, demo: RunningDemo, codes: list[str]) -> None:
        self.demo, self.codes = demo, codes
        self.answered: Counter[str] = Counter()
        self.cut_off = 0
        self.errors: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CLIENTS)]

    def total(self) -> int:
        with self._lock:
            return self.answered.total()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=90)
            assert not thread.is_alive()

    def _run(self, number: int) -> None:
        with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10)) as http:
            while self.total() < REDIRECTS:
                code = self.codes[(number + self.total()) % len(self.codes)]
                try:
                    status = http.request("GET", f"{self.demo.url}/{code}", redirect=False).status
                except urllib3.exceptions.NewConnectionError:
                    continue  # nobody listened, so nothing was asked
                except urllib3.exceptions.HTTPError:
                    with self._lock:
                        self.cut_off += 1
                    continue
                with self._lock:
                    if status == 302:
                        self.answered[code] += 1
                    else:
                        self.errors[status] += 1


@pytest.mark.parametrize("victim", ["redis", "worker", "web", "gunicorn", "postgres"])
def test_answered_redirects_are_counted_once_when_a_process_is_killed(
    demo: RunningDemo, victim: str
):
    codes = [demo.shorten(url=f"https://example.org/{n}") for n in range(20)]
    for code in codes:
        assert demo.get(code) == 302  # in the cache, so that they outlive Postgres
    before = Counter(codes)

    traffic = Traffic(demo, codes)
    traffic.start()
    wait_until(lambda: traffic.total() > REDIRECTS // 4, within_s=30)
    killed = demo.pid(victim)
    os.kill(killed, signal.SIGKILL)
    traffic.join()
    wait_until(lambda: demo.pid(victim) not in {None, killed}, within_s=20)

    answered = before + traffic.answered
    wait_until(lambda: counted(demo, codes).total() >= answered.total(), within_s=30)
    wait_until(lambda: journals_of(demo) <= 2, within_s=20)  # the dead one's was adopted
    found = counted(demo, codes)
    lost = answered - found
    doubled = (found - answered).total() - traffic.cut_off
    assert not lost
    assert doubled <= 0
    assert traffic.cut_off <= CLIENTS
    if victim in {"redis", "worker", "postgres"}:
        assert traffic.cut_off == 0
        assert not traffic.errors, traffic.errors
    for code in codes:
        assert demo.get(code) == 302


def counted(demo: RunningDemo, codes: list[str]) -> Counter[str]:
    found = demo.http.request("GET", f"{demo.url}/counts", fields={"codes": ",".join(codes)})
    return Counter(found.json() if found.status == 200 else {})


def journals_of(demo: RunningDemo) -> int:
    return len(list(Path(demo.directory, "data", "journal").glob("*.journal")))
