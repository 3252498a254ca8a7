"""Time the small parts that requests are made of.

Each figure is the best of five runs: on a shared machine the noise only ever adds.
"""

import platform
import tempfile
import timeit
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import time

from analytics_worker.events import encode_click
from app import links
from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from app.resources import Resources, open_resources
from app.settings import Settings
from cli.seed import make_clicks
from db import embedded
from db.migrate import migrate
from keygen.base62 import decode, encode
from keygen.permutation import Permutation
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted

RUNS = 5
KEY = bytes(range(32))
ENVIRON = {
    "REMOTE_ADDR": "192.0.2.1",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "HTTP_REFERER": "https://example.org/page?query=1",
    "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
}


class CountingSource:
    """Ranges without a database: what is measured is the allocator."""

    def __init__(self) -> None:
        self._next_id = 0

    def reserve_range(self, size: int) -> range:
        """The next `size` ids."""
        self._next_id += size
        return range(self._next_id - size, self._next_id)


def main() -> None:
    """Print the table."""
    print(f"Python {platform.python_version()} on {platform.machine()}, best of {RUNS} runs\n")
    _measure_codes()
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as directory:
        _measure_clicks(Path(directory))
        with _running_servers(Path(directory)) as resources:
            _measure_links(resources)


def _measure_codes() -> None:
    permutation = Permutation(KEY, 7)
    allocator = RangeAllocator(CountingSource(), size=1_000_000)
    strategy = Permuted(RangeAllocator(CountingSource(), size=1_000_000), lambda: KEY)
    _print("base62 encode, 7 characters", lambda: encode(3_123_456_789_123))
    _print("base62 decode, 7 characters", lambda: decode("eboF18l"))
    _print("permutation of 62^7, 6 rounds", lambda: permutation.forward(123_456_789))
    _print("next id of a range", allocator.next_id)
    _print("next permuted code", lambda: strategy.candidate("", 0))


def _measure_clicks(directory: Path) -> None:
    journal = Journal(directory)
    recorder = ClickRecorder(journal)
    _print("click: journal write alone", lambda: journal.append(b"x" * 180 + b"\n"))
    _print("click: encode and write", lambda: recorder.record(ENVIRON, "eboF18l"))
    lines = b"".join(encode_click(click) for click in make_clicks(Random(62), time()))
    packed = len(zlib.compress(lines, level=1))
    journal.file.remove()
    print(f"{'bytes a click, in the journal':<34}{len(lines) / 3_000:>10.0f}")
    print(f"{'bytes a click, in the stream':<34}{packed / 3_000:>10.0f}")


def _measure_links(resources: Resources) -> None:
    store = resources.store
    code = links.shorten(store, "https://example.org/").code
    _print("resolve, from Redis", lambda: links.resolve(store, code), number=2_000)
    _print("resolve, from Postgres", lambda: links.get_link(store, code), number=2_000)
    _print("shorten", lambda: links.shorten(store, "https://example.org/"), number=1_000)


@contextmanager
def _running_servers(directory: Path) -> Iterator[Resources]:
    postgres = embedded.prepare_postgres(directory / "postgres")
    redis = embedded.prepare_redis(directory / "redis")
    processes = [(server, server.start()) for server in (postgres, redis)]
    try:
        for server, process in processes:
            embedded.wait_until_ready(server, process, timeout_s=30)
        migrate(postgres.url)
        settings = Settings(
            database_url=postgres.url,
            redis_url=redis.url,
            journal_dir=str(directory / "journal"),
        )
        resources = open_resources(settings)
        yield resources
        resources.close()
    finally:
        for server, process in processes:
            process.send_signal(server.stop_signal)
            process.wait()


def _print(name: str, call: Callable[[], object], number: int = 50_000) -> None:
    best_s = min(timeit.repeat(call, number=number, repeat=RUNS)) / number
    print(f"{name:<34}{best_s * 1e6:>10.2f} us{1 / best_s:>14,.0f}/s")


if __name__ == "__main__":
    main()
