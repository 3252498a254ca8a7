"""Time the small parts that requests are made of.

Each figure is the best of five runs: on a shared machine the noise only ever adds.
"""

import platform
import tempfile
import zlib
from collections.abc import Iterator
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
from bench.clicks import measure_clicks
from bench.codes import measure_codes
from bench.timing import RUNS, print_time
from cli.seed import make_clicks
from db import embedded
from db.migrate import migrate

ENVIRON = {
    "REMOTE_ADDR": "192.0.2.1",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "HTTP_REFERER": "https://example.org/page?query=1",
    "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
}


def main() -> None:
    """Print the table."""
    print(f"Python {platform.python_version()} on {platform.machine()}, best of {RUNS} runs\n")
    measure_codes()
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as directory:
        _measure_clicks(Path(directory))
        with _running_servers(Path(directory)) as resources:
            _measure_links(resources)
    measure_clicks()


def _measure_clicks(directory: Path) -> None:
    journal = Journal(directory)
    recorder = ClickRecorder(journal)
    print_time("click: journal write alone", lambda: journal.append(b"x" * 180 + b"\n"))
    print_time("click: encode and write", lambda: recorder.record(ENVIRON, "eboF18l"))
    lines = b"".join(encode_click(click) for click in make_clicks(Random(62), time()))
    packed = len(zlib.compress(lines, level=1))
    journal.file.remove()
    print(f"{'bytes a click, in the journal':<34}{len(lines) / 3_000:>10.0f}")
    print(f"{'bytes a click, in the stream':<34}{packed / 3_000:>10.0f}")


def _measure_links(resources: Resources) -> None:
    store = resources.store
    code = links.shorten(store, "https://example.org/").code
    print_time("resolve, from Redis", lambda: links.resolve(store, code), number=2_000)
    print_time("resolve, from Postgres", lambda: links.get_link(store, code), number=2_000)
    print_time("shorten", lambda: links.shorten(store, "https://example.org/"), number=1_000)


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


if __name__ == "__main__":
    main()
