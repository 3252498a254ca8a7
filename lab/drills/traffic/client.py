"""An HTTP client with one connection, and a steady pace for it."""

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

import urllib3

TIMEOUT_S: Final = 10.0


def open_client(headers: Mapping[str, str] | None = None) -> urllib3.PoolManager:
    """A client with one keep-alive connection and no retries; sends `headers` each time."""
    timeout = urllib3.Timeout(total=TIMEOUT_S)
    return urllib3.PoolManager(retries=False, maxsize=1, timeout=timeout, headers=headers)


def shorten(client: urllib3.PoolManager, hop_url: str, target_url: str) -> str:
    """Create a link; returns its code.

    Raises:
        urllib3.exceptions.HTTPError: there is no response, or its status is not 201.
    """
    response = client.request("POST", f"{hop_url}/shorten", json={"url": target_url})
    if response.status != HTTPStatus.CREATED:
        raise urllib3.exceptions.HTTPError(f"POST /shorten returned {response.status}")
    return str(response.json()["short_code"])


def paced(period_s: float, stopping: threading.Event) -> Iterator[int]:
    """Count up from 0 once per period until `stopping` is set. A missed turn is not made up for."""
    due = time.monotonic()
    for number in itertools.count():
        if stopping.wait(max(0.0, due - time.monotonic())):
            return
        yield number
        due = max(due + period_s, time.monotonic() - period_s)
