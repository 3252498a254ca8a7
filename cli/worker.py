"""hop worker."""

import signal
import threading

import click

from analytics_worker.consumer import Consumer
from cli.environment import read_settings
from db.pool import open_pool
from db.redis_client import connect_redis

# Adding up a batch of many codes takes longer than any query of the web process may.
STATEMENT_TIMEOUT_MS = 30_000
WIRE_TIMEOUT_S = 5.0


@click.command()
def worker() -> None:
    """Count clicks: from the stream in Redis to Postgres.

    SIGTERM finishes the batch at hand. Killing it is safe at any time: nothing is lost or counted
    twice, counts just lag until it runs again.
    """
    settings = read_settings()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    wire = connect_redis(settings.redis_url, WIRE_TIMEOUT_S)
    with (
        wire,
        open_pool(
            settings.database_url,
            name="hop-worker",
            max_size=2,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        ) as pool,
    ):
        Consumer(pool, wire).run(stopping)
