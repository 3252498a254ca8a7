"""A server under load: started on a core of its own, gone at the end of the block."""

import os
import socket
import subprocess
import sys
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


class ServingError(Exception):
    """A server does not do what it should; the message says which and what."""


def write_nginx_command(program: str, directory: Path, port: int) -> list[str]:
    """The command of an nginx that answers everything with one redirect, and logs nothing."""
    config = directory / "nginx.conf"
    text = _NGINX.format(directory=directory, address=ADDRESS, port=port, target=TARGET)
    config.write_text(text, encoding="utf-8")
    return [program, "-p", str(directory), "-c", str(config), "-e", "stderr"]


@contextmanager
def serving(
    command: Sequence[str],
    *,
    url: str,
    log: Path,
    cores: frozenset[int],
    settings: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Start a server, yield its process id when it answers, end it.

    Args:
        command: how to start it.
        url: something that it answers, with any status.
        log: its output is appended there.
        cores: it may run there only.
        settings: `HOP_…` variables; those of this process are not handed on.

    Raises:
        ServingError: it does not start, or does not end when it is told to.
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


def python_module(*arguments: str) -> list[str]:
    """A command that runs a module with the interpreter of this process."""
    return [sys.executable, "-m", *arguments]


def free_port() -> int:
    """A port that nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_answer(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline_s = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        if process.poll() is not None:
            said = log.read_text(errors="replace")[-1_000:]
            raise ServingError(f"a server ended with status {process.returncode}: {said}")
        try:
            urllib3.request("GET", url, redirect=False, retries=False, timeout=5)
        except urllib3.exceptions.HTTPError as error:
            if time.monotonic() > deadline_s:
                raise ServingError(f"no answer from {url} in {ANSWERS_WITHIN_S:.0f} s") from error
            time.sleep(0.02)
        else:
            return
