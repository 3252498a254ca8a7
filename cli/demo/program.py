"""A program as a child process: start, output, exit status, signals."""

import asyncio
import contextlib
import ctypes
import os
import pwd
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run."""

    name: str
    argv: tuple[str, ...]
    colour: str
    stop_signal: signal.Signals = signal.SIGTERM
    environ: Mapping[str, str] | None = None
    user: str | None = None
    noise: re.Pattern[str] | None = None  # lines that are not shown
    # May start while children of its predecessor are still stopping.
    overlaps: bool = False


async def spawn(program: Program) -> asyncio.subprocess.Process:
    """Start a program with its output in a pipe.

    Raises:
        OSError: it cannot be started.
    """
    return await asyncio.create_subprocess_exec(
        *program.argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=program.environ,
        user=program.user,
        group=pwd.getpwnam(program.user).pw_gid if program.user else None,
        extra_groups=[] if program.user else None,
        # In its own session: Ctrl-C reaches the supervisor only, which stops all programs in order.
        start_new_session=True,
        preexec_fn=lambda: _die_with_parent(program.stop_signal),
    )


async def read_line(stream: asyncio.StreamReader) -> str | None:
    """The next line, or None at the end. A line longer than the buffer is left out."""
    try:
        data = await stream.readline()
    except ValueError:
        return "(a very long line)"
    return data.decode(errors="replace").rstrip() if data else None


async def exit_status(process: asyncio.subprocess.Process) -> int:
    """Wait for a process. Its own wait() also waits until its children close the pipe."""
    while True:
        if process.returncode is not None:
            return process.returncode
        await asyncio.sleep(0.05)


def send_signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal a process unless it has ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


async def end_group(leader: int) -> None:
    """End the children of a dead program. Web processes of a killed server would hold its port."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, number)
            for _ in range(50):
                await asyncio.sleep(0.1)
                os.killpg(leader, 0)


def _die_with_parent(number: signal.Signals) -> None:
    """Have Linux signal this process when the supervisor dies. No effect elsewhere."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number))
