"""Clients that follow short links and write down each answer they received.

What they saw is the left side of every reconciliation: no server is asked how much it answered.
"""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final, Self

import urllib3

REDIRECTS: Final = frozenset({301, 302, 307, 308})
ANSWER_WITHIN_S: Final = 10.0
FOLLOW_TRIES: Final = 10


class Traffic:
    """Clients, each a thread with one connection, which follow links for the length of a `with`.

    Read the counts afterwards. An answer that did not arrive whole is `cut_off`: it may be
    counted or not. When nobody listened (`refused`), nothing was asked.
    """

    def __init__(
        self,
        url: str,
        codes: Sequence[str],
        *,
        clients: int,
        rate: float,
        headers: Mapping[str, str],
    ) -> None:
        """Prepare the clients.

        Args:
            url: where hop answers.
            codes: links that exist.
            clients: how many follow them at the same time.
            rate: redirects per second that all clients together ask for.
            headers: of each request.
        """
        self.codes, self._url, self._headers = codes, url, headers
        self._every_s = clients / rate
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        self._last_redirect_s = 0.0
        self.answered: Counter[str] = Counter()  # redirects, by code
        self.cut_off: Counter[str] = Counter()  # by code
        self.errors: Counter[int] = Counter()  # by status
        self.refused = 0
        self.longest_outage_s = 0.0  # in which no request ended in a redirect

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._last_redirect_s = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the answers that are on their way, and end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._end_outage()

    def _run(self, number: int) -> None:
        with one_connection(self._headers) as http:
            for turn in every(self._every_s, self._stopping):
                code = self.codes[(number + turn * len(self._threads)) % len(self.codes)]
                try:
                    status = http.request("GET", f"{self._url}/{code}", redirect=False).status
                except urllib3.exceptions.NewConnectionError:
                    with self._lock:
                        self.refused += 1
                except urllib3.exceptions.HTTPError:
                    with self._lock:
                        self.cut_off[code] += 1
                else:
                    with self._lock:
                        self._note(code, status)

    def _note(self, code: str, status: int) -> None:
        if status in REDIRECTS:
            self.answered[code] += 1
            self._end_outage()
        else:
            self.errors[status] += 1

    def _end_outage(self) -> None:
        now = time.monotonic()
        self.longest_outage_s = max(self.longest_outage_s, now - self._last_redirect_s)
        self._last_redirect_s = now


class Shortening:
    """One client that makes links for the length of a `with`, each with a target of its own.

    Read the results afterwards.
    """

    def __init__(self, url: str, label: str, *, rate: float, made: Mapping[str, str]) -> None:
        """Prepare it.

        Args:
            url: where hop answers.
            label: stands in each target.
            rate: links per second.
            made: the targets of codes that were acknowledged before.
        """
        self._url, self._label = url, label
        self._every_s = 1 / rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.targets = dict(made)  # of every code that was acknowledged
        self.made = 0
        self.given_twice: list[str] = []

    def __enter__(self) -> Self:
        """Begin to make links."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the last answer, and end."""
        self._stopping.set()
        self._thread.join()

    def find_broken(self) -> list[str]:
        """Acknowledged codes that do not lead to their target now. Asks with HEAD: not counted."""
        with one_connection() as http:
            return [
                code
                for code, target in self.targets.items()
                if _follow(http, f"{self._url}/{code}") != target
            ]

    def _run(self) -> None:
        with one_connection() as http:
            for turn in every(self._every_s, self._stopping):
                target = f"https://example.org/{self._label}/{turn}"
                try:
                    code = make_link(http, self._url, target)
                except urllib3.exceptions.HTTPError:
                    continue  # no link was promised
                if code in self.targets:
                    self.given_twice.append(code)
                self.targets[code] = target
                self.made += 1


def make_link(http: urllib3.PoolManager, url: str, target: str) -> str:
    """Shorten a target; returns its code.

    Raises:
        urllib3.exceptions.HTTPError: there was no answer, or it was not 201.
    """
    answer = http.request("POST", f"{url}/shorten", json={"url": target})
    if answer.status != HTTPStatus.CREATED:
        raise urllib3.exceptions.HTTPError(f"POST /shorten was answered with {answer.status}")
    return str(answer.json()["short_code"])


def one_connection(headers: Mapping[str, str] | None = None) -> urllib3.PoolManager:
    """A client that keeps its connection, tries once, and waits for an answer only so long."""
    timeout = urllib3.Timeout(total=ANSWER_WITHIN_S)
    return urllib3.PoolManager(retries=False, maxsize=1, timeout=timeout, headers=headers)


def every(period_s: float, stopping: threading.Event) -> Iterator[int]:
    """Count up from 0 at a steady pace until told to stop.

    What could not be asked during an outage is not made up for afterwards.
    """
    due = time.monotonic()
    for turn in itertools.count():
        if stopping.wait(max(0.0, due - time.monotonic())):
            return
        yield turn
        due = max(due + period_s, time.monotonic() - period_s)


def _follow(http: urllib3.PoolManager, short_url: str) -> str | None:
    """Where a link leads. Shortly after an outage hop may have to be asked again."""
    for _ in range(FOLLOW_TRIES):
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            answer = http.request("HEAD", short_url, redirect=False)
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return answer.headers.get("Location") if answer.status in REDIRECTS else None
        time.sleep(1)
    return None
