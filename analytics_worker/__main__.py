"""`python -m analytics_worker` runs the worker from HOP_DATABASE_URL and HOP_REDIS_URL alone."""

import os

from analytics_worker.run import run_worker

if __name__ == "__main__":
    run_worker(os.environ["HOP_DATABASE_URL"], os.environ["HOP_REDIS_URL"])
