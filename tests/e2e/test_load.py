"""`hop load` and locustfile.py against a running hop, also through a proxy that alters answers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.running_demo import RunningDemo, free_port
from tests.slow_proxy import SlowProxy

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]
SHORT = ("--rate", "50", "--duration", "3", "--warm-up", "0", "--links", "20")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("load"), "--no-seed")
    running.start()
    yield running
    assert running.stop() == []


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report"


def load(demo: RunningDemo, report: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return demo.hop("load", "--report", str(report), *SHORT, *options)


def start_load(url: str, report: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cli.main", "load", "--report", str(report), *SHORT]
    return subprocess.Popen(
        [*command, "--duration", "4", "--hop-url", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read(report: Path) -> dict:
    return json.loads((report / "load.json").read_text())


@pytest.fixture(scope="module")
def passed(demo: RunningDemo, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A run that meets its goal, and its report."""
    report = tmp_path_factory.mktemp("passed") / "report"
    return load(demo, report, "--p99-ms", "5000", "--profile", "mixed"), report


def test_verdict_is_pass_when_hop_is_fast_enough(passed):
    done, report = passed
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^PASS p99 [\d.]+ ms < 5000 ms at 50/s$", done.stdout, re.MULTILINE)
    result = read(report)
    assert result["kind"] == "hop-load"
    assert result["errors"] == {}
    asked = {row["kind"]: row["requests"] for row in result["figures"]}
    assert asked.keys() >= {"redirect", "redirect viral", "redirect cold", "unknown code"}
    assert result["redirects"] == asked["all redirects"]
    assert result["shortens"] == asked["shorten"]
    assert result["statuses"]["302"] == result["redirects"]
    assert result["cpu_s"].keys() == {"web", "postgres", "redis", "worker"}
    assert sum(each["due"] for each in result["seconds"]) == result["redirects"]


def test_report_is_one_page_without_external_resources(demo: RunningDemo, passed):
    _, report = passed
    page = (report / "load.html").read_text()
    assert "PASS p99" in page
    assert page.count("<svg") == 2
    assert not re.search(r"<link|<script|src=|url\(", page)
    assert demo.info()["api_key"] not in page + json.dumps(read(report))


def test_verdict_is_fail_when_the_server_is_slow(demo: RunningDemo, report: Path):
    with SlowProxy(demo.port, delay_s=1) as slow:
        done = load(demo, report, "--p99-ms", "990", "--hop-url", slow.url)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^FAIL p99 [\d.]+ ms, not under 990 ms", done.stdout, re.MULTILINE)


def test_stall_delays_every_request_that_is_due_meanwhile(demo: RunningDemo, report: Path):
    # The stall is a quarter of the run. A closed loop would record one slow request per user, 11 of
    # 220, and its p90 would not change.
    with SlowProxy(demo.port, stall_s=1) as stalling:
        load(demo, report, "--duration", "4", "--hop-url", stalling.url)
    redirects = read(report)["figures"][0]
    assert redirects["errors"] == 0
    assert redirects["p90_ms"] > 300


def test_stall_in_the_warm_up_is_not_judged(demo: RunningDemo, report: Path):
    with SlowProxy(demo.port, stall_s=1) as stalling:
        done = load(demo, report, "--warm-up", "3", "--p99-ms", "900", "--hop-url", stalling.url)
    assert done.returncode == 0, done.stdout + done.stderr
    result = read(report)
    assert 80 < result["redirects"] < 230  # three seconds of load, not six
    assert [each["second"] for each in result["seconds"]] == [0, 1, 2]
    assert sum(each["due"] for each in result["seconds"]) == result["redirects"]


def test_verdict_is_inconclusive_when_the_generator_is_late(demo: RunningDemo, report: Path):
    # If response times counted from when requests are sent, those of the pause would be short, and
    # the verdict PASS.
    with SlowProxy(demo.port) as proxy:
        running = start_load(proxy.url, report)
        assert proxy.redirecting.wait(timeout=60)
        (locust,) = psutil.Process(running.pid).children()
        locust.send_signal(signal.SIGSTOP)
        time.sleep(1)
        locust.send_signal(signal.SIGCONT)
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 3, output
    assert re.search(r"^INCONCLUSIVE the generator was the limit: ", output, re.MULTILINE)
    redirects = read(report)["figures"][0]
    assert redirects["p90_ms"] > 300
    assert redirects["start_delay_p99_ms"] > 300


@pytest.mark.parametrize(
    ("replace", "error"),
    [
        ((b"HTTP/1.1 302 FOUND", b"HTTP/1.1 500 OUCH"), "status 500"),
        ((b"Location: https://example.org/", b"Location: https://example.net/"), "wrong Location"),
    ],
)
def test_verdict_is_fail_when_answers_are_wrong(demo: RunningDemo, report: Path, replace, error):
    with SlowProxy(demo.port, replace=replace) as wrong:
        done = load(demo, report, "--p99-ms", "5000", "--hop-url", wrong.url)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"errors, most of them redirect: {error}" in done.stdout
    result = read(report)
    assert result["errors"][f"redirect: {error}"] == result["figures"][0]["requests"]


def test_nothing_is_judged_when_the_target_or_the_size_is_refused(demo: RunningDemo, report: Path):
    absent = load(demo, report, "--hop-url", f"http://127.0.0.1:{free_port()}")
    assert absent.returncode == 2
    assert "no hop answers" in absent.stderr
    # An address for documentation (RFC 5737).
    remote = load(demo, report, "--hop-url", "http://192.0.2.1")
    assert remote.returncode == 2
    assert "--allow-remote" in remote.stderr
    too_much = load(demo, report, "--profile", "cold", "--rate", "9000", "--duration", "100")
    assert too_much.returncode == 2
    assert "to ask for once each" in too_much.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_has_no_verdict_and_stops_locust(
    demo: RunningDemo, report: Path, number: signal.Signals
):
    with SlowProxy(demo.port) as proxy:
        running = start_load(proxy.url, report)
        assert proxy.redirecting.wait(timeout=60)
        (locust,) = psutil.Process(running.pid).children()
        running.send_signal(number)
        output, _ = running.communicate(timeout=60)
    assert (running.returncode, output) == (128 + number, "")
    assert not locust.is_running()
    assert list(report.iterdir()) == []


@pytest.mark.parametrize("shape", ["steady", "ramp", "spike"])
def test_locust_runs_the_locustfile(demo: RunningDemo, tmp_path: Path, shape: str):
    found = tmp_path / "stats"  # Locust adds .json
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "--headless", "--host", demo.url, "-t", "2s"),
            *("-u", "24", "--shape", shape, "--links", "20", "--json-file", str(found)),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stats = {each["name"]: each for each in json.loads(found.with_suffix(".json").read_text())}
    assert stats.keys() >= {"redirect"}
    assert all(each["num_failures"] == 0 for each in stats.values())
    if shape == "steady":
        assert stats.keys() >= {"redirect viral", "redirect cold", "unknown code", "shorten"}
