"""Creates the links of a load test through hop's API, before the test."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
import urllib3

_THREADS: Final = 8
_BATCH: Final = 200
_TIMEOUT: Final = urllib3.Timeout(connect=2, read=15)


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A code and the `Location` that its redirect must have."""

    code: str
    target_url: str


class LoadLinks(msgspec.Struct, frozen=True):
    """Hot links are requested repeatedly, the most popular first; cold ones once each."""

    hot: list[Link]
    cold: list[Link] = []


class CreateLinksError(Exception):
    """hop did not create the links."""


def create_links(
    hop_url: str, hot: int, cold: int = 0, on_progress: Callable[[int], object] = lambda _new: None
) -> LoadLinks:
    """Create links in eight threads.

    Args:
        hop_url: without a slash at the end.
        hot: number of hot links.
        cold: number of cold links.
        on_progress: called in this thread with the number of links created since the last call.

    Raises:
        CreateLinksError: hop does not answer, or not with a new link.
    """
    run = uuid4().hex[:8]  # so that the strategy `hash` makes new links too
    targets = [f"https://example.org/load/{run}/{number}" for number in range(hot + cold)]
    links: list[Link] = []
    with (
        urllib3.PoolManager(maxsize=_THREADS, block=True, retries=False, timeout=_TIMEOUT) as http,
        ThreadPoolExecutor(_THREADS) as threads,
    ):
        for start in range(0, len(targets), _BATCH):
            batch = targets[start : start + _BATCH]
            links += threads.map(lambda target: _create_link(http, hop_url, target), batch)
            on_progress(len(batch))
    return LoadLinks(links[:hot], links[hot:])


def save_links(links: LoadLinks, file: Path) -> None:
    """Write links for `load_links`."""
    file.write_bytes(msgspec.json.encode(links))


def load_links(file: Path) -> LoadLinks:
    """Read what `save_links` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=LoadLinks)


def _create_link(http: urllib3.PoolManager, hop_url: str, target_url: str) -> Link:
    try:
        response = http.request("POST", f"{hop_url}/shorten", json={"url": target_url})
        if response.status != HTTPStatus.CREATED:
            raise CreateLinksError(f"POST {hop_url}/shorten returned {response.status}, not 201")
        return Link(str(response.json()["short_code"]), target_url)
    except urllib3.exceptions.HTTPError as error:
        raise CreateLinksError(f"no hop answers at {hop_url} ({type(error).__name__})") from error
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CreateLinksError(f"the server at {hop_url} is not hop") from error
