"""hop worker."""

import click

from analytics_worker.run import run_worker
from cli.server.settings import read_settings


@click.command()
def worker() -> None:
    """Count clicks: move them from Redis to Postgres.

    Up to eight workers share the partitions. SIGTERM lets the current batch finish. Killing a
    worker is safe: no click is lost or counted twice, and another worker takes over.
    """
    settings = read_settings()
    run_worker(settings.database_url, settings.redis_url)
