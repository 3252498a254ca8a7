"""What a click costs: the journal write, the roll-up, and a worker from stream to Postgres.

The worker runs in a process of its own, which uses one core; Postgres and Redis run beside it.
"""

import gc
import multiprocessing
import statistics
import tempfile
import time
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import redis

from analytics_worker.aggregate import read_clicks, roll_up
from analytics_worker.consumer import CHUNKS_PER_STREAM, Consumer
from analytics_worker.run import GC_THRESHOLD, STATEMENT_TIMEOUT_MS, WIRE_TIMEOUT_S
from app.clicks.journal import Journal
from bench.benchmark import Options
from bench.machine import pin
from db.clicks.wire import (
    CHUNK_BYTES,
    PARTITIONS,
    Chunk,
    chunk_to_fields,
    encode_click,
    stream_of,
)
from db.connect.pool import open_pool
from db.connect.redis_client import connect_redis
from lab.servers import lab_servers

CODES = 100_000  # that Zipf's law is about
# Batches grow for the first few hundred thousand clicks of a backlog, and stay as they are then.
ZIPF_CLICKS = 3_000_000
NEW_CODES_CLICKS = 1_000_000
START_MS = 1_790_000_000_000
PRODUCERS = [f"bench-{number}" for number in range(64)]  # so that no partition is without one

BROWSERS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0{end}"
    for version in range(120, 145)
    for system, end in (
        ("Windows NT 10.0; Win64; x64", " Safari/537.36"),
        ("Macintosh; Intel Mac OS X 10_15_7", " Safari/537.36"),
        ("X11; Linux x86_64", " Safari/537.36"),
        ("Linux; Android 10; K", " Mobile Safari/537.36"),
    )
]
REFERRERS = ["", "t.co/x", *(f"site{number}.example/page" for number in range(50))]
LANGUAGES = ["en-US,en;q=0.9", "de-DE,de;q=0.9", "fr-FR,fr;q=0.8", "ja"]


def measure_clicks(options: Options) -> None:
    """Print the figures."""
    _measure_journal()
    for name, codes in (("Zipf's law", _zipf_codes()), ("each its own code", _new_codes())):
        chunks = _chunks(codes)
        _measure_rollup(name, chunks, len(codes))
        _measure_worker(name, chunks, len(codes), options)


def _measure_journal() -> None:
    line, times = b"x" * 180 + b"\n", []
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as directory:
        journal = Journal(Path(directory))
        for _ in range(200_000):
            before = time.perf_counter_ns()
            journal.append(line)
            times.append(time.perf_counter_ns() - before)
        journal.file.remove()
    print(f"{'click: journal write, median':<34}{statistics.median(times) / 1e3:>10.2f} us")


def _measure_rollup(name: str, chunks: list[Chunk], clicks: int) -> None:
    before = time.process_time()
    for first in range(0, len(chunks), CHUNKS_PER_STREAM * PARTITIONS):
        roll_up(read_clicks(chunks[first : first + CHUNKS_PER_STREAM * PARTITIONS])[0])
    _print_rate(f"roll-up alone, {name}", time.process_time() - before, clicks)


def _measure_worker(name: str, chunks: list[Chunk], clicks: int, options: Options) -> None:
    with lab_servers(with_redis=True) as servers:
        with redis.Redis.from_url(servers.redis_url) as wire, wire.pipeline() as pipeline:
            for chunk in chunks:
                pipeline.xadd(stream_of(chunk.producer), chunk_to_fields(chunk))
            pipeline.execute()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (servers.database_url, servers.redis_url, options.cores.server, theirs)
        worker = context.Process(target=_drain, args=arguments)
        worker.start()
        theirs.close()  # so that its death is noticed
        seconds, cpu_s, quarters_mb = ours.recv()
        worker.join()
    _print_rate(f"worker, {name}", seconds, clicks)
    print(f"{'    its own CPU time':<34}{cpu_s / clicks * 1e6:>10.2f} us")
    memory = ", ".join(f"{each:.0f}" for each in quarters_mb)
    print(f"{'    its memory after each quarter':<34}{memory:>24} MB at most")


def _drain(database_url: str, redis_url: str, core: frozenset[int], report: Connection) -> None:
    """Count all that is in the streams; report seconds, CPU seconds and peaks of memory."""
    pin(0, core)
    gc.set_threshold(GC_THRESHOLD)
    with (
        open_pool(
            database_url, name="hop-bench", statement_timeout_ms=STATEMENT_TIMEOUT_MS
        ) as pool,
        connect_redis(redis_url, WIRE_TIMEOUT_S) as wire,
    ):
        consumer = Consumer(pool, wire)
        pool.wait()
        started, started_cpu = time.perf_counter(), time.process_time()
        peaks_mb: list[float] = []  # after each batch
        while consumer.consume(1):
            peaks_mb.append(_peak_mb())
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
        quarters_mb = [peaks_mb[len(peaks_mb) * part // 4 - 1] for part in range(1, 5)]
        report.send((seconds, cpu_s, quarters_mb))


def _chunks(codes: list[str]) -> list[Chunk]:
    """Journals of clicks within an hour, as chunks: as long as they get when there is a backlog."""
    chance = Random(62)
    chunks: list[Chunk] = []
    offsets = dict.fromkeys(PRODUCERS, 0)
    lines, size = [], 0
    for number, code in enumerate(codes):
        lines.append(
            encode_click(
                code=code,
                at_ms=START_MS + number * 3_000 // len(codes),
                referrer=chance.choice(REFERRERS),
                user_agent=chance.choice(BROWSERS),
                language=chance.choice(LANGUAGES),
                visitor=f"{chance.getrandbits(64):016x}",
            )
        )
        size += len(lines[-1])
        if size > CHUNK_BYTES - 1_000 or number == len(codes) - 1:
            producer = PRODUCERS[len(chunks) % len(PRODUCERS)]
            chunks.append(Chunk(producer, offsets[producer], b"".join(lines)))
            offsets[producer] = chunks[-1].end
            lines, size = [], 0
    return chunks


def _zipf_codes() -> list[str]:
    weights = list(accumulate(1 / place for place in range(1, CODES + 1)))
    drawn = Random(62).choices(range(CODES), cum_weights=weights, k=ZIPF_CLICKS)
    return [f"z{place * 7_919 % CODES:06x}" for place in drawn]


def _new_codes() -> list[str]:
    chance = Random(62)
    return [f"{chance.getrandbits(44):011x}" for _ in range(NEW_CODES_CLICKS)]


def _peak_mb() -> float:
    """The most memory that this process ever had, without that of the one it was forked from."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _print_rate(name: str, seconds: float, clicks: int) -> None:
    print(f"{name:<34}{seconds / clicks * 1e6:>10.2f} us{clicks / seconds:>14,.0f}/s")
