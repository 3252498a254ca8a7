"""The links that a load test asks for, made before it through hop's own API."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
import urllib3

_THREADS: Final = 8
_BATCH: Final = 200
_TIMEOUT: Final = urllib3.Timeout(connect=2, read=15)
_CREATED: Final = 201


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A code, and what its redirect must say."""

    code: str
    target_url: str


class Prepared(msgspec.Struct, frozen=True):
    """Hot links are asked for again and again, the most popular first; cold ones once each."""

    hot: list[Link]
    cold: list[Link] = []


class PrepareError(Exception):
    """hop did not make the links."""


def make_links(
    hop_url: str, hot: int, cold: int = 0, on_made: Callable[[int], object] = lambda _made: None
) -> Prepared:
    """Make links, eight at a time.

    Args:
        hop_url: where hop answers, without a slash at the end.
        hot: how many.
        cold: how many of the other kind.
        on_made: is told, in this thread, how many more were made.

    Raises:
        PrepareError: no answer, or one that is not a new link.
    """
    run = uuid4().hex[:8]  # a strategy that hashes targets shall make new links all the same
    targets = (f"https://example.org/load/{run}/{number}" for number in range(hot + cold))
    made: list[Link] = []
    with (
        urllib3.PoolManager(maxsize=_THREADS, block=True, retries=False, timeout=_TIMEOUT) as http,
        ThreadPoolExecutor(_THREADS) as threads,
    ):
        for batch in _batches(targets):
            made += threads.map(lambda target: _make_link(http, hop_url, target), batch)
            on_made(len(batch))
    return Prepared(made[:hot], made[hot:])


def save(prepared: Prepared, file: Path) -> None:
    """Write them for `load`."""
    file.write_bytes(msgspec.json.encode(prepared))


def load(file: Path) -> Prepared:
    """What `save` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=Prepared)


def _batches(targets: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(targets, _BATCH)):
        yield batch


def _make_link(http: urllib3.PoolManager, hop_url: str, target_url: str) -> Link:
    try:
        answer = http.request("POST", f"{hop_url}/shorten", json={"url": target_url})
        if answer.status != _CREATED:
            raise PrepareError(f"POST {hop_url}/shorten answered {answer.status}, not {_CREATED}")
        return Link(str(answer.json()["short_code"]), target_url)
    except urllib3.exceptions.HTTPError as error:
        raise PrepareError(f"no hop answers at {hop_url} ({type(error).__name__})") from error
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise PrepareError(f"what answers at {hop_url} is not hop") from error
