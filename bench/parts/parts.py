"""Time the small parts that requests are made of, in one thread."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import time

from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from app.links import shorten as links
from app.process import Resources, open_resources
from app.redirect import lookup as lookups
from app.settings import Settings
from bench.section import Plan
from bench.timing import print_time
from cli.demo.seed import make_lines
from lab.servers import lab_servers

ENVIRON = {
    "REMOTE_ADDR": "192.0.2.1",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "HTTP_REFERER": "https://example.org/page?query=1",
    "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
}


def measure_parts(_plan: Plan) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as directory:
        _measure_clicks(Path(directory))
        with _open_resources(Path(directory)) as resources:
            _measure_links(resources)


def _measure_clicks(directory: Path) -> None:
    journal = Journal(directory)
    recorder = ClickRecorder(journal)
    print_time("click: journal write alone", lambda: journal.append(b"x" * 180 + b"\n"))
    print_time("click: encode and write", lambda: recorder.record(ENVIRON, "eboF18l"))
    lines = b"".join(make_lines(Random(62), time()))
    packed = len(zlib.compress(lines, level=1))
    journal.file.remove()
    print(f"{'bytes a click, in the journal':<34}{len(lines) / 3_000:>10.0f}")
    print(f"{'bytes a click, in the stream':<34}{packed / 3_000:>10.0f}")


def _measure_links(resources: Resources) -> None:
    store = resources.store
    code = links.shorten(store, "https://example.org/").code
    print_time("resolve, from Redis", lambda: lookups.resolve(store, code), number=2_000)
    print_time("resolve, from Postgres", lambda: links.get_link(store, code), number=2_000)
    print_time("shorten", lambda: links.shorten(store, "https://example.org/"), number=1_000)


@contextmanager
def _open_resources(directory: Path) -> Iterator[Resources]:
    with lab_servers() as servers:
        settings = Settings(
            database_url=servers.database_url,
            redis_url=servers.redis_url,
            journal_dir=str(directory / "journal"),
        )
        resources = open_resources(settings)
        yield resources
        resources.close()
