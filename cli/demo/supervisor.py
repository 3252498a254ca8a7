"""Starts programs, prints their output, restarts the ones that die, and stops them in order.

honcho, a library for this, stops everything when one process ends; a demonstration of failures
needs the opposite. See docs/adr/0004-embedded-servers.md.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Final, cast

from cli.demo.program import (
    Program,
    end_group,
    exit_status,
    read_line,
    send_signal,
    spawn,
)

FIRST_PAUSE_S: Final = 0.1
MAX_PAUSE_S: Final = 5.0
# After a program has run this long, back-off starts over.
STARTED_AFTER_S: Final = 5.0
STOP_WITHIN_S: Final = 15.0


class _Running:
    """A program, its current process, and the task that restarts it."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self.program = program
        self.process = process
        self.task: asyncio.Task[None]


class Supervisor:
    """Programs in the order of their start. Not thread-safe: use it from one event loop."""

    def __init__(self, show: Callable[[Program, str], None]) -> None:
        """`show` is called with each line of output."""
        self.show = show
        self._running: list[_Running] = []
        self._stopping = asyncio.Event()

    async def start(self, program: Program) -> None:
        """Start a program; restart it whenever it ends, until `stop`."""
        running = _Running(program, await spawn(program))
        running.task = asyncio.create_task(self._keep(program, running))
        self._running.append(running)

    def pid(self, name: str) -> int | None:
        """The process id of a program, or None while it is down."""
        for running in self._running:
            if running.program.name == name and running.process.returncode is None:
                return running.process.pid
        return None

    async def stop(self) -> None:
        """Stop the programs one by one, the last started first: consumers outlive producers."""
        self._stopping.set()
        for running in reversed(self._running):
            send_signal(running.process, running.program.stop_signal)
            done, _ = await asyncio.wait({running.task}, timeout=STOP_WITHIN_S)
            if not done:
                self.show(
                    running.program, f"did not stop in {STOP_WITHIN_S:.0f} s; sending SIGKILL"
                )
                send_signal(running.process, signal.SIGKILL)
            await running.task

    async def _keep(self, program: Program, running: "_Running") -> None:
        """Show a program's output and restart it when it ends, until `stop`."""
        loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        ending: asyncio.Task[None] | None = None
        while True:
            started = loop.time()
            await self._show_output(program, running.process)
            status = await exit_status(running.process)
            if ending is not None:
                await ending
            ending = asyncio.create_task(end_group(running.process.pid))
            if not program.overlaps or self._stopping.is_set():
                await ending
            if self._stopping.is_set():
                return
            if loop.time() - started > STARTED_AFTER_S:
                pause_s = FIRST_PAUSE_S
            self.show(program, f"ended with status {status}; restarting it")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
                await ending
                return
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
            running.process = await self._restart(program)
            if self._stopping.is_set():  # `stop` was called meanwhile
                send_signal(running.process, program.stop_signal)

    async def _restart(self, program: Program) -> asyncio.subprocess.Process:
        while True:
            try:
                return await spawn(program)
            except OSError as error:  # such as a lack of memory, which may pass
                self.show(program, f"cannot start: {error}")
                await asyncio.sleep(MAX_PAUSE_S)

    async def _show_output(self, program: Program, process: asyncio.subprocess.Process) -> None:
        """Show each line until the program ends. Its children may keep the pipe open for longer."""
        output = cast(asyncio.StreamReader, process.stdout)  # `spawn` opens a pipe
        ended = asyncio.create_task(exit_status(process))
        while True:
            line = asyncio.create_task(read_line(output))
            await asyncio.wait({line, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                done, _ = await asyncio.wait({line}, timeout=0.2)
                if not done:
                    line.cancel()
                    return
            text = line.result()
            if text is None:
                await ended
                return
            if program.noise is None or not program.noise.search(text):
                self.show(program, text)
