"""lab.load.results.result: the CPU time per redirect."""

import pytest

from lab.load.plan import LoadPlan
from lab.load.results.result import ServerMetrics, summarise
from lab.load.samples import Sample

SAMPLES = [Sample("redirect", number / 10, 0.1, 2.0, 302, "") for number in range(100)]


def test_cpu_time_covers_all_redirects_when_the_server_was_read_late():
    server = ServerMetrics({"memory": 60, "redis": 20}, {"web": 0.4, "postgres": 0.08})
    found = summarise(LoadPlan(rate=10, duration_s=10), SAMPLES, server, 0.1)
    assert found.cpu_s == {"web": 0.5, "postgres": 0.1}
    assert found.cpu_ms_per_redirect == pytest.approx(6.0)


def test_cpu_time_is_unchanged_when_hop_reports_no_redirects():
    server = ServerMetrics(None, {"web": 0.4})
    found = summarise(LoadPlan(rate=10, duration_s=10), SAMPLES, server, 0.1)
    assert found.cpu_s == {"web": 0.4}
    assert summarise(LoadPlan(), SAMPLES, ServerMetrics(None, None), 0.1).cpu_s is None
