"""`hop doctor`, `hop migrate` and wrong settings."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.clicks.journal_file import create
from db.clicks.receipts import report_dropped
from db.clicks.wire import encode_click
from tests.conftest import Servers


def hop(*arguments: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOP_LOG_LEVEL": "warning", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_doctor_finds_what_is_wrong_and_says_what_to_do(
    tmp_path: Path, empty_database_url: str, redis_url: str
):
    environ = {"HOP_DATABASE_URL": empty_database_url, "HOP_REDIS_URL": redis_url}
    sick = hop("doctor", folder=tmp_path, **environ)
    assert sick.returncode == 1
    assert "FAIL schema" in sick.stdout
    assert "hop migrate" in sick.stdout

    assert "applied 0001 links" in hop("migrate", folder=tmp_path, **environ).stdout
    well = hop("doctor", folder=tmp_path, **environ)
    assert (well.returncode, well.stdout.count("ok ")) == (0, 6), well.stdout
    assert "clicks    0 (0 bytes) wait here" in well.stdout
    assert "\x1b" not in well.stdout  # no colours where there is no terminal


def test_doctor_names_each_server_that_is_away(tmp_path: Path):
    nowhere = f"host={tmp_path}"
    found = hop(
        "doctor",
        folder=tmp_path,
        HOP_DATABASE_URL=f"postgresql://hop:secret@/hop?{nowhere}",
        HOP_REDIS_URL=f"unix://{tmp_path}/nothing.sock",
    )
    assert found.returncode == 1
    for part in ("postgres", "schema", "redis"):
        assert f"FAIL {part}" in found.stdout
    assert "secret" not in found.stdout + found.stderr


def test_doctor_points_out_a_policy_that_would_evict_clicks(
    tmp_path: Path, servers: Servers, database_url: str, redis_url: str, redis_client
):
    before = redis_client.config_get("maxmemory-policy")
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = hop(
            "doctor", folder=tmp_path, HOP_DATABASE_URL=database_url, HOP_REDIS_URL=redis_url
        )
    finally:
        redis_client.config_set("maxmemory-policy", next(iter(before.values())))
    assert found.returncode == 1
    assert "allkeys-lru" in found.stdout


def test_doctor_says_what_to_do_when_clicks_wait_for_long_or_were_dropped(
    tmp_path: Path, database_url: str, redis_url: str, pool
):
    journal = create(tmp_path)
    environ = {
        "HOP_DATABASE_URL": database_url,
        "HOP_REDIS_URL": redis_url,
        "HOP_JOURNAL_DIR": str(journal.path.parent),
    }
    line = encode_click("abc", time.time_ns() // 1_000_000 - 100_000)
    os.write(journal.fd, line * 3)
    late = hop("doctor", folder=tmp_path, **environ)
    assert late.returncode == 1
    assert f"FAIL clicks    3 ({3 * len(line)} bytes) wait here, the oldest for 10" in late.stdout
    assert "hop worker" in late.stdout
    journal.remove()

    looped = tmp_path / "looped.journal"
    looped.symlink_to(looped)
    blind = hop("doctor", folder=tmp_path, **environ)
    assert blind.returncode == 1
    assert "FAIL clicks    1 journals in" in blind.stdout
    looped.unlink()

    report_dropped(pool, "a process", 12)
    lossy = hop("doctor", folder=tmp_path, **environ)
    assert lossy.returncode == 1
    assert "12 clicks were dropped" in lossy.stdout


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "doctor"])
def test_command_lists_all_wrong_settings_at_once(tmp_path: Path, command: str):
    refused = hop(command, folder=tmp_path, HOP_RANGE_SIZE="0", HOP_LOG_FORMAT="xml")
    assert refused.returncode == 1
    for name in ("HOP_DATABASE_URL", "HOP_REDIS_URL", "HOP_RANGE_SIZE", "HOP_LOG_FORMAT"):
        assert name in refused.stderr
    assert "Traceback" not in refused.stderr


def test_admin_key_that_could_be_guessed_is_refused(tmp_path: Path, database_url, redis_url):
    environ = {"HOP_DATABASE_URL": database_url, "HOP_REDIS_URL": redis_url}
    refused = hop("migrate", folder=tmp_path, HOP_ADMIN_KEY="short", **environ)
    assert refused.returncode == 1
    assert "fewer than 16" in refused.stderr


def test_help_describes_every_command(tmp_path: Path):
    shown = hop("--help", folder=tmp_path).stdout
    for command in ("demo", "serve", "worker", "migrate", "doctor", "shorten", "stats"):
        assert f"\n  {command}" in shown
        assert len(hop(command, "--help", folder=tmp_path).stdout.splitlines()) > 5


def test_doctor_makes_no_directory_and_says_that_there_is_none(
    tmp_path: Path, database_url: str, redis_url: str
):
    found = hop(
        "doctor",
        folder=tmp_path,
        HOP_DATABASE_URL=database_url,
        HOP_REDIS_URL=redis_url,
        HOP_JOURNAL_DIR="misspelt",
    )
    assert "ok   journal   there is no misspelt yet" in found.stdout
    assert list(tmp_path.iterdir()) == []
