"""A web server as a child process, on cores of your choice."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import urllib3

from bench.machine import pin
from bench.servers.plain_apps import TARGET

ADDRESS: Final = "127.0.0.1"
ANSWERS_WITHIN_S: Final = 20.0
ENDS_WITHIN_S: Final = 30.0

_NGINX: Final = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
    server {{
        listen {address}:{port};
        location / {{ return 302 {target}; }}
    }}
}}
"""


class ServerError(Exception):
    """A server does not start or gives wrong answers; the message says which and what."""


def nginx_command(directory: Path, port: int) -> list[str]:
    """Write the configuration of an nginx that redirects everything; returns its command line."""
    config = directory / "nginx.conf"
    text = _NGINX.format(directory=directory, address=ADDRESS, port=port, target=TARGET)
    config.write_text(text, encoding="utf-8")
    return ["nginx", "-p", str(directory), "-c", str(config), "-e", "stderr"]


@contextmanager
def running_server(
    command: Sequence[str],
    *,
    url: str,
    log: Path,
    cores: frozenset[int],
    settings: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Start a server, yield its process id once it answers, stop it at the end.

    Args:
        command: its command line.
        url: polled until it answers with any status.
        log: its output is appended there.
        cores: it runs on these only.
        settings: its `HOP_…` variables; it inherits none of this process.

    Raises:
        ServerError: it does not start.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOP_")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**environ, **(settings or {})},
        )
    try:
        pin(process.pid, cores)
        _wait_for_answer(process, url, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that is free at present."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_answer(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline_s = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        if process.poll() is not None:
            output = log.read_text(errors="replace")[-1_000:]
            raise ServerError(f"a server ended with status {process.returncode}: {output}")
        try:
            urllib3.request("GET", url, redirect=False, retries=False, timeout=5)
        except urllib3.exceptions.HTTPError as error:
            if time.monotonic() > deadline_s:
                raise ServerError(f"no answer from {url} in {ANSWERS_WITHIN_S:.0f} s") from error
            time.sleep(0.02)
        else:
            return
