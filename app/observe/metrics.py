"""Metrics for Prometheus.

The web processes of one server share them in files (prometheus_client's multiprocess mode; `hop
serve` names the directory), so that each process can answer for all.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.clicks.lag import Lag

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

REDIRECTS = Counter("hop_redirects", "Answered redirects by the tier that knew the link", ["tier"])
REFUSED = Counter("hop_refused", "Requests answered with 429 or 503", ["status"])
JOURNALED = Counter("hop_clicks_journaled", "Clicks written to journals")
SHIPPED = Counter("hop_clicks_shipped", "Clicks sent to the stream, resent ones each time")
RECEIPTED = Counter("hop_clicks_receipted", "Clicks counted in Postgres")
DROPPED = Counter("hop_clicks_dropped", "Clicks that found no room on disk or in memory")
_ALL = (REDIRECTS, REFUSED, JOURNALED, SHIPPED, RECEIPTED, DROPPED)


class Export:
    """Copies plain numbers of this process to counters. Thread-safe."""

    def __init__(self, sources: Sequence[tuple[Counter, Callable[[], int]]]) -> None:
        """Set up pairs of a counter and the function that reads the number it follows."""
        self._sources = sources
        self._exported = [0] * len(sources)
        self._lock = threading.Lock()

    def run(self) -> None:
        """Bring all counters up to date."""
        with self._lock:
            for place, (counter, read) in enumerate(self._sources):
                now = read()
                counter.inc(now - self._exported[place])
                self._exported[place] = now


class _LagCollector(Collector):
    def __init__(self, lag: Lag) -> None:
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        lag = self._lag
        for name, meaning, value in (
            ("waiting", "Clicks in journals of this host that are not counted yet", lag.clicks),
            (
                "oldest_age_seconds",
                "Age of the oldest click that waits on this host",
                lag.oldest_age_s,
            ),
            ("stream_length", "Chunks in the streams", lag.stream_length),
            ("dead_letters", "Lines and chunks that could not be counted", lag.dead_letters),
            ("journals_unreadable", "Journals of this host that cannot be read", lag.unreadable),
        ):
            yield GaugeMetricFamily(f"hop_clicks_{name}", meaning, value)


def describe(lag: Lag | None) -> bytes:
    """All metrics in Prometheus's text format, without those of the lag if it is unknown."""
    registry = CollectorRegistry()
    if DIRECTORY_VARIABLE in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        for counter in _ALL:
            registry.register(counter)
    if lag is not None:
        registry.register(_LagCollector(lag))
    return generate_latest(registry)
