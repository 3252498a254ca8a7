"""Click events become counts: the consumer of the click stream."""

import os

# Before polars is imported. Workers share the work by partitions, so one core each is enough.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
