"""One producer and one worker of clicks; each step is taken by the test, none by a thread."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import redis

from analytics_worker.consumer import Consumer
from analytics_worker.counting import count
from app.clicks.journal import Journal
from app.clicks.recorder import ClickRecorder
from app.clicks.shipper import Shipper
from db.clicks.dead_letters import DeadLetter
from db.clicks.stats import read_clicks
from db.clicks.wire import STREAMS, Chunk, stream_of
from db.connect.pool import Pool

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


class Pipeline:
    """Real parts, wired as in a web process and a worker."""

    def __init__(self, directory: Path, pool: Pool, wire: "redis.Redis") -> None:
        self.directory, self.pool, self.wire = directory, pool, wire
        self.start()
        self.consumer = Consumer(pool, wire)

    def start(self, quota_bytes: int = 0, **options: int) -> None:
        """Begin with a new journal, as a new process does."""
        self.journal = Journal(self.directory, quota_bytes=quota_bytes)
        self.recorder = ClickRecorder(self.journal)
        self.shipper = Shipper(
            directory=self.directory,
            journal=self.journal,
            pool=self.pool,
            stream_client=self.wire,
            **options,
        )

    def click(self, times: int, code: str = "abc") -> None:
        for number in range(times):
            environ = {"REMOTE_ADDR": f"192.0.2.{number}", "HTTP_USER_AGENT": AGENT}
            self.recorder.record(environ, code)

    def deliver(self) -> None:
        """Ship, count, confirm; three times, since losses are found one chunk at a time."""
        for _ in range(3):
            self.shipper.ship()
            while self.consumer.consume(block_ms=1):
                pass
            self.shipper.confirm()
            self.shipper.tidy()

    def count(self, chunks: Sequence[Chunk], damaged: Sequence[DeadLetter] = ()) -> None:
        """As a worker does with what it has read."""
        count(self.pool, chunks, damaged)

    def write_held(self) -> None:
        """As the periodic job does, which retries later."""
        with contextlib.suppress(OSError):
            self.journal.flush()

    def clicks(self, code: str = "abc") -> int:
        return read_clicks(self.pool, [code])[code]

    def journals(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())

    @property
    def stream(self) -> str:
        """Of the journal in use."""
        return stream_of(self.journal.file.producer)

    def waiting(self) -> int:
        """Chunks in all streams."""
        return sum(self.wire.xlen(stream) for stream in STREAMS)
