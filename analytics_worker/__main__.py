"""`python -m analytics_worker`: the worker without the command line's settings."""

import os

from analytics_worker.run import run_worker

if __name__ == "__main__":
    run_worker(os.environ["HOP_DATABASE_URL"], os.environ["HOP_REDIS_URL"])
