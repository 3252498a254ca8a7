"""Embedded servers: started in any directory, made once, private."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from db.connect import embedded
from tests.conftest import Servers


def test_session_runs_the_programs_that_the_environment_names(servers: Servers):
    with psycopg.connect(servers.postgres.url) as connection:
        query = "SELECT setting FROM pg_config WHERE name = 'BINDIR'"
        (programs,) = connection.execute(query).fetchone()
    with redis.Redis.from_url(servers.redis.url) as client:
        program = client.info("server")["executable"]
    assert os.environ.get("HOP_TEST_POSTGRES") in {None, programs}
    assert os.environ.get("HOP_TEST_REDIS") in {None, program}


def test_servers_start_in_a_directory_of_any_name(tmp_path: Path):
    directory = tmp_path / "a b&c=d#e?f%20g,h'i\"j\\k ü"
    for server in (
        embedded.prepare_postgres(directory / "postgres"),
        embedded.prepare_redis(directory / "redis"),
    ):
        process = server.start()
        try:
            embedded.wait_until_ready(server, process, timeout_s=20)
        finally:
            process.send_signal(server.stop_signal)
            process.wait(timeout=20)


def test_sockets_move_to_a_short_private_directory_when_the_path_is_too_long(tmp_path: Path):
    deep = tmp_path / ("long-name-" * 9) / "redis"
    server = embedded.prepare_redis(deep)
    socket = Path(server.url.removeprefix("unix://"))
    try:
        assert len(str(socket)) <= embedded.LONGEST_SOCKET_PATH
        assert socket.parent.stat().st_mode & 0o077 == 0
        assert embedded.prepare_redis(deep) == server
        process = server.start()
        embedded.wait_until_ready(server, process, timeout_s=20)
        process.send_signal(server.stop_signal)
        process.wait(timeout=20)
    finally:
        socket.parent.rmdir()


def test_directory_that_leads_elsewhere_is_refused(tmp_path: Path):
    target = tmp_path / "open-to-all"
    target.mkdir(mode=0o777)
    (tmp_path / "redis").symlink_to(target)
    with pytest.raises(embedded.EmbeddedServerError, match="belongs to another user"):
        embedded.prepare_redis(tmp_path / "redis")
    assert target.stat().st_uid == os.geteuid()


def test_cluster_is_made_anew_when_making_it_was_broken_off(tmp_path: Path, monkeypatch):
    def break_off(command: list[str], **_: object) -> None:
        half_made = Path(command[command.index("--pgdata") + 1])
        half_made.mkdir()
        (half_made / "PG_VERSION").write_text("18\n")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", break_off)
        with pytest.raises(KeyboardInterrupt):
            embedded.prepare_postgres(tmp_path / "postgres")
    server = embedded.prepare_postgres(tmp_path / "postgres")
    process = server.start()
    embedded.wait_until_ready(server, process, timeout_s=20)
    process.send_signal(server.stop_signal)
    assert process.wait(timeout=20) == 0


def test_start_says_so_when_the_program_ends_at_once(tmp_path: Path):
    server = embedded.prepare_redis(tmp_path)
    broken = embedded.Server("redis", ("false",), server.url, server.stop_signal)
    with pytest.raises(embedded.EmbeddedServerError, match="ended at start"):
        embedded.wait_until_ready(broken, broken.start(), timeout_s=5)
