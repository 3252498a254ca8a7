"""The steps of a redirect and a shorten, timed one by one in one thread."""

import tempfile
import zlib
from pathlib import Path
from random import Random

from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from app.process import WebProcess
from bench.benchmark import Options
from bench.parts.timing import print_time
from bench.servers.backends import opened_process
from bench.servers.plain_apps import TARGET
from keygen.base62 import encode

ENVIRON = {
    "REMOTE_ADDR": "192.0.2.1",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "HTTP_REFERER": "https://example.org/page?query=1",
    "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
}
CLICKS = 3_000


def measure_parts(_options: Options) -> None:
    """Print the times of the steps and the size of a click."""
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as directory:
        _time_recording(Path(directory))
        _measure_size(Path(directory))
    with opened_process() as process:
        _time_links(process)


def _time_recording(directory: Path) -> None:
    journal = Journal(directory)
    recorder = ClickRecorder(journal)
    print_time("click: journal write alone", lambda: journal.append(b"x" * 180 + b"\n"))
    print_time("click: encode and write", lambda: recorder.record(ENVIRON, "eboF18l"))
    journal.file.remove()


def _measure_size(directory: Path) -> None:
    """Print the bytes per click of distinct visitors, browsers and codes."""
    journal = Journal(directory)
    recorder, chance = ClickRecorder(journal), Random(62)
    for _ in range(CLICKS):
        environ = {
            **ENVIRON,
            "REMOTE_ADDR": f"198.51.100.{chance.randrange(256)}",
            "HTTP_USER_AGENT": ENVIRON["HTTP_USER_AGENT"].replace("144", str(chance.randrange(99))),
        }
        recorder.record(environ, encode(chance.randrange(62**7)))
    lines = journal.file.path.read_bytes()
    journal.file.remove()
    packed = zlib.compress(lines, level=1)  # as the shipper does
    print(f"{'bytes a click, in the journal':<34}{len(lines) / CLICKS:>10.0f}")
    print(f"{'bytes a click, in the stream':<34}{len(packed) / CLICKS:>10.0f}")


def _time_links(process: WebProcess) -> None:
    shorten = process.shortener.shorten
    code = shorten(TARGET).code
    print_time("resolve, from Redis", lambda: process.reader.resolve(code, ""), number=2_000)
    print_time("resolve, from Postgres", lambda: process.editor.get_link(code), number=2_000)
    print_time("shorten", lambda: shorten(TARGET), number=1_000)
