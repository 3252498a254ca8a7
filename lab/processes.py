"""Processes that experiments start, freeze and stop."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil


def stop_process(
    process: subprocess.Popen[bytes], within_s: float, stop_signal: signal.Signals = signal.SIGTERM
) -> None:
    """Signal a child to stop; SIGKILL it if it still runs after `within_s` seconds."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """SIGSTOP a process, which keeps its connections open; SIGCONT it at the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def sigterm_exits() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that `finally` blocks stop child processes.

    Has no effect outside the main thread, which alone may set signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
