"""Clients that follow short links and record each response.

Reconciliation compares their records with hop's counts; no server is asked what it answered.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import urllib3

from lab.drills.traffic.client import open_client, paced

REDIRECT_STATUSES: Final = frozenset({301, 302, 307, 308})


@dataclass(slots=True)
class RedirectRecord:
    """The responses of all clients."""

    answered: Counter[str] = field(default_factory=Counter)  # redirects by code
    cut_off: Counter[str] = field(default_factory=Counter)  # incomplete responses by code
    errors: Counter[int] = field(default_factory=Counter)  # other responses by status
    refused: int = 0  # connections, so that no request was sent
    longest_outage_s: float = 0.0  # without a redirect to any client


class RedirectClients:
    """Threads with one connection each that follow links for the length of a `with` block.

    Read the record after the block.
    """

    def __init__(
        self,
        hop_url: str,
        codes: Sequence[str],
        *,
        clients: int,
        rate: float,
        headers: Mapping[str, str],
    ) -> None:
        """Prepare the clients.

        Args:
            hop_url: without a slash at the end.
            codes: of existing links; followed in turn.
            clients: number of threads.
            rate: requests per second of all clients together.
            headers: of each request.
        """
        self.codes = codes
        self._hop_url = hop_url
        self._headers = headers
        self._period_s = clients / rate
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        self._last_redirect_s = 0.0
        self.record = RedirectRecord()

    def __enter__(self) -> Self:
        self._last_redirect_s = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._end_outage()

    def _run(self, number: int) -> None:
        with open_client(self._headers) as client:
            for turn in paced(self._period_s, self._stopping):
                code = self.codes[(number + turn * len(self._threads)) % len(self.codes)]
                try:
                    response = client.request("GET", f"{self._hop_url}/{code}", redirect=False)
                except urllib3.exceptions.NewConnectionError:
                    with self._lock:
                        self.record.refused += 1
                except urllib3.exceptions.HTTPError:
                    with self._lock:
                        self.record.cut_off[code] += 1
                else:
                    with self._lock:
                        self._add(code, response.status)

    def _add(self, code: str, status: int) -> None:
        if status in REDIRECT_STATUSES:
            self.record.answered[code] += 1
            self._end_outage()
        else:
            self.record.errors[status] += 1

    def _end_outage(self) -> None:
        now = time.monotonic()
        outage_s = now - self._last_redirect_s
        self.record.longest_outage_s = max(self.record.longest_outage_s, outage_s)
        self._last_redirect_s = now
