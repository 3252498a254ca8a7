"""hop worker."""

import click

from analytics_worker.run import run_worker
from cli.environment import read_settings


@click.command()
def worker() -> None:
    """Count clicks: from the streams in Redis to Postgres.

    Up to eight may run, and share the work. SIGTERM finishes the batch at hand. Killing one is safe
    at any time: nothing is lost or counted twice, counts just lag until another takes over.
    """
    settings = read_settings()
    run_worker(settings.database_url, settings.redis_url)
