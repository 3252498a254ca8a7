"""The analytics worker: reads clicks from the streams and counts them in Postgres."""

import os

# Must be set before polars is imported. To use more cores, run more workers: they divide the
# partitions.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
