"""A client that creates links and later checks that each of them leads to its own target."""

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Self

import urllib3

from lab.drills.traffic.client import open_client, paced, shorten
from lab.drills.traffic.redirects import REDIRECT_STATUSES

_ATTEMPTS: Final = 10


@dataclass(slots=True)
class ShortenRecord:
    """Links that hop confirmed."""

    created: int = 0
    given_twice: list[str] = field(default_factory=list)  # codes
    broken: list[str] = field(default_factory=list)  # codes that do not lead to their target


class ShortenClient:
    """A thread that creates links for the length of a `with` block, each with its own target.

    Read the record after the block.
    """

    def __init__(self, hop_url: str, label: str, *, rate: float, links: Mapping[str, str]) -> None:
        """Prepare the client.

        Args:
            hop_url: without a slash at the end.
            label: part of each target.
            rate: links per second.
            links: targets by code, of links that exist already.
        """
        self._hop_url = hop_url
        self._label = label
        self._period_s = 1 / rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._links = dict(links)
        self.record = ShortenRecord()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def find_broken(self) -> None:
        """Record links that do not lead to their target now. Sends HEAD: no click is counted."""
        with open_client() as client:
            self.record.broken = [
                code
                for code, target_url in self._links.items()
                if _read_target(client, f"{self._hop_url}/{code}") != target_url
            ]

    def _run(self) -> None:
        with open_client() as client:
            for number in paced(self._period_s, self._stopping):
                target_url = f"https://example.org/{self._label}/{number}"
                try:
                    code = shorten(client, self._hop_url, target_url)
                except urllib3.exceptions.HTTPError:
                    continue  # not confirmed, so nothing was promised
                if code in self._links:
                    self.record.given_twice.append(code)
                self._links[code] = target_url
                self.record.created += 1


def _read_target(client: urllib3.PoolManager, short_url: str) -> str | None:
    """Where a link leads. Retried, because hop may still be recovering from an outage."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            response = client.request("HEAD", short_url, redirect=False)
            if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                found = response.status in REDIRECT_STATUSES
                return response.headers.get("Location") if found else None
        time.sleep(1)
    return None
