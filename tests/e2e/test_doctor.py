"""`hop doctor`, `hop migrate` and invalid settings."""

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


def test_doctor_reports_a_missing_schema_until_it_is_migrated(
    tmp_path: Path, empty_database_url: str, redis_url: str
):
    environ = {"HOP_DATABASE_URL": empty_database_url, "HOP_REDIS_URL": redis_url}
    before = hop("doctor", folder=tmp_path, **environ)
    assert before.returncode == 1
    assert "FAIL schema" in before.stdout
    assert "hop migrate" in before.stdout

    assert "applied 0001 links" in hop("migrate", folder=tmp_path, **environ).stdout
    after = hop("doctor", folder=tmp_path, **environ)
    assert (after.returncode, after.stdout.count("ok ")) == (0, 6), after.stdout
    assert "clicks    0 (0 bytes) wait here" in after.stdout
    assert "\x1b" not in after.stdout  # no colours where there is no terminal


def test_doctor_names_each_server_that_does_not_answer(tmp_path: Path):
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


def test_doctor_rejects_a_redis_policy_that_evicts_clicks(
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


def test_doctor_reports_clicks_that_are_late_unreadable_or_dropped(
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
def test_command_lists_every_invalid_setting(tmp_path: Path, command: str):
    refused = hop(command, folder=tmp_path, HOP_RANGE_SIZE="0", HOP_LOG_FORMAT="xml")
    assert refused.returncode == 1
    for name in ("HOP_DATABASE_URL", "HOP_REDIS_URL", "HOP_RANGE_SIZE", "HOP_LOG_FORMAT"):
        assert name in refused.stderr
    assert "Traceback" not in refused.stderr


def test_short_admin_key_is_refused(tmp_path: Path, database_url, redis_url):
    environ = {"HOP_DATABASE_URL": database_url, "HOP_REDIS_URL": redis_url}
    refused = hop("migrate", folder=tmp_path, HOP_ADMIN_KEY="short", **environ)
    assert refused.returncode == 1
    assert "fewer than 16" in refused.stderr


def test_doctor_creates_no_journal_directory(tmp_path: Path, database_url: str, redis_url: str):
    found = hop(
        "doctor",
        folder=tmp_path,
        HOP_DATABASE_URL=database_url,
        HOP_REDIS_URL=redis_url,
        HOP_JOURNAL_DIR="misspelt",
    )
    assert "ok   journal   there is no misspelt yet" in found.stdout
    assert list(tmp_path.iterdir()) == []
