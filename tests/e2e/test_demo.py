"""`hop demo` from outside: its processes, HTTP and the command line."""

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.running_demo import RunningDemo, wait_until


@pytest.fixture(scope="module", params=["gunicorn", "granian"])
def demo(request, tmp_path_factory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("demo"), "--no-seed", "--server", request.param)
    running.start()
    yield running
    assert running.stop() == []


def test_counts_are_exact_within_three_seconds(demo: RunningDemo):
    code = demo.shorten(url="https://example.org/")
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: demo.get(code), range(300)))
    assert statuses == [302] * 300
    wait_until(lambda: demo.stats(code)["clicks"] >= 300, within_s=3)
    shown = demo.hop("stats", code, "--json")
    assert json.loads(shown.stdout)["clicks"] == 300, shown.stderr
    assert "300 clicks" in demo.hop("stats", code).stdout


def test_alias_goes_to_one_client_when_two_hundred_request_it_at_once(demo: RunningDemo):
    def request(number: int) -> int:
        body = {"url": f"https://example.org/{number}", "alias": "wanted"}
        return demo.http.request("POST", f"{demo.url}/shorten", json=body).status

    with ThreadPoolExecutor(50) as threads:
        statuses = list(threads.map(request, range(200)))
    assert sorted(statuses) == [201] + [409] * 199


def test_printed_commands_work_as_printed(demo: RunningDemo):
    printed = [line.strip() for line in demo.output().splitlines() if " shorten https" in line]
    assert len(printed) == 1
    environ = {name: value for name, value in os.environ.items() if name[:4] != "HOP_"}
    done = subprocess.run(
        printed[0].replace("shorten", "stats").rpartition(" ")[0] + " nothing",
        shell=True,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no such link" in done.stderr, done  # so the command has found address and API key


def test_command_line_shortens_and_reports_errors(demo: RunningDemo):
    done = demo.hop("shorten", "https://example.org/cli", "--alias", "from-cli", "--ttl", "60")
    assert (done.stdout, done.returncode) == (f"{demo.url}/from-cli\n", 0)
    assert demo.get("from-cli") == 302
    refused = demo.hop("shorten", "not a url")
    assert refused.returncode == 1
    assert "cannot be shortened" in refused.stderr
    assert "no such link" in demo.hop("stats", "nothing").stderr


def test_forwarded_headers_are_ignored_unless_a_proxy_is_trusted(demo: RunningDemo):
    forged = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example;proto=https",
        "SCRIPT_NAME": "/evil",
        "X-Forwarded-Prefix": "/evil",
    }
    body = {"url": "https://example.org/"}
    made = demo.http.request("POST", f"{demo.url}/shorten", json=body, headers=forged).json()
    assert made["short_url"] == f"{demo.url}/{made['short_code']}"
    code = made["short_code"]
    answer = demo.http.request("GET", f"{demo.url}/{code}", headers=forged, redirect=False)
    assert (answer.status, answer.headers["Location"]) == (302, "https://example.org/")


def test_body_of_ten_megabytes_is_refused(demo: RunningDemo):
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=20)
    body = b'{"url": "https://example.org/' + b"a" * 10_000_000 + b'"}'
    connection.request("POST", "/shorten", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert b"64 KiB" in answer.read()
    connection.close()


def test_head_gets_the_redirect_and_post_is_refused(demo: RunningDemo):
    code = demo.shorten(url="https://example.org/")
    head = demo.http.request("HEAD", f"{demo.url}/{code}", redirect=False)
    assert (head.status, head.headers["Location"]) == (302, "https://example.org/")
    assert demo.http.request("POST", f"{demo.url}/{code}", redirect=False).status == 405


def test_second_demo_is_refused_when_directory_or_port_is_in_use(demo: RunningDemo, tmp_path: Path):
    data = str(demo.directory / "data")
    same_directory = demo.hop("demo", "--data-dir", data, "--port", "1")
    assert same_directory.returncode == 1
    assert "another hop demo uses" in same_directory.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        same_port = demo.hop("demo", "--data-dir", str(tmp_path), "--port", port)
    assert same_port.returncode == 1
    assert f"port {port} cannot be used" in same_port.stderr


def test_admin_key_is_in_a_private_file_and_not_in_the_output(demo: RunningDemo):
    assert (demo.directory / "data" / "demo.json").stat().st_mode & 0o077 == 0
    assert demo.info()["api_key"] not in demo.output()


def test_links_and_counts_survive_a_restart(tmp_path: Path):
    demo = RunningDemo(tmp_path)
    demo.start()
    key = demo.info()["api_key"]
    # A stop waits for journals with an owner; that of the sample clicks has none at first.
    wait_until(lambda: demo.stats("http")["clicks"] > 500, within_s=20)
    code = demo.shorten(url="https://example.org/kept")
    for _ in range(20):
        demo.get(code)
    assert demo.stop() == []  # answered redirects are counted now or after the next start
    assert list((tmp_path / "data" / "journal").glob("*.journal")) == []

    demo.start()
    try:
        assert demo.get(code) == 302
        wait_until(lambda: demo.stats(code)["clicks"] == 21, within_s=10)
        assert demo.info()["api_key"] == key
        seeded = demo.stats("http")  # the sample clicks
        assert seeded["clicks"] > 500
        assert seeded["bots"] > 0
        assert len(seeded["days"]) >= 7
    finally:
        assert demo.stop() == []


def test_demo_uses_existing_servers_when_their_addresses_are_set(
    tmp_path: Path, empty_database_url: str, redis_url: str
):
    demo = RunningDemo(tmp_path, "--no-seed", "--workers", "1")
    demo.start(HOP_DATABASE_URL=empty_database_url, HOP_REDIS_URL=redis_url)
    try:
        assert demo.info()["pids"]["postgres"] is demo.info()["pids"]["redis"] is None
        assert demo.get(demo.shorten(url="https://example.org/")) == 302
    finally:
        assert demo.stop() == []
