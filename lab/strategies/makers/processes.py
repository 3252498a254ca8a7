"""Runs makers in parallel, each in an interpreter of its own."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import Any, Final

from lab.strategies.makers import maker
from lab.strategies.makers.maker import Maker, MakerOutput, MakerTask, open_maker

READY_WITHIN_S: Final = 30.0
SLACK_S: Final = 30.0  # beyond a task's time limit

Work = Callable[[Maker], MakerOutput]  # Maker.make_codes or Maker.make_links


class MakerError(Exception):
    """A maker failed, or did not finish in time."""


def run_makers(work: Work, tasks: Sequence[MakerTask]) -> list[MakerOutput]:
    """Run each task in a process of its own; all start working at the same moment.

    Raises:
        MakerError: a maker failed. No process is left running.
    """
    context = forkserver_context()
    barrier = context.Barrier(len(tasks))
    pipes = [context.Pipe(duplex=False) for _ in tasks]
    processes = [
        context.Process(target=_run_maker, args=(work, task, barrier, writer), daemon=True)
        for task, (_, writer) in zip(tasks, pipes, strict=True)
    ]
    with running(processes):
        for _, writer in pipes:
            writer.close()  # then the pipe ends with its process
        limit_s = READY_WITHIN_S + SLACK_S + max(task.limit_s for task in tasks)
        return [_receive(reader, limit_s) for reader, _ in pipes]


def forkserver_context() -> ForkServerContext:
    """Starts processes as forks of a server that has only imported the maker.

    A new interpreter needs half a second for its imports. A fork of this process would inherit the
    locks of its threads, and its connections.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", maker.__name__])
    return context


@contextmanager
def running(processes: Sequence[BaseProcess]) -> Iterator[None]:
    """Start processes; at the end, kill those that still run."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()


def _receive(reader: "Connection[Any, MakerOutput | str]", limit_s: float) -> MakerOutput:
    try:
        received = reader.recv() if reader.poll(limit_s) else f"no result in {limit_s:.0f} s"
    except EOFError:
        received = "a maker ended without a result"
    if isinstance(received, str):
        raise MakerError(received)
    return received


def _run_maker(
    work: Work, task: MakerTask, barrier: Barrier, writer: "Connection[MakerOutput | str, Any]"
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after Ctrl-C the parent kills the makers
    try:
        with open_maker(task) as opened:
            barrier.wait(READY_WITHIN_S)
            writer.send(work(opened))
    except Exception as error:  # noqa: BLE001 - outermost code of a process; the parent raises it
        barrier.abort()
        writer.send(f"strategy {task.strategy}: {type(error).__name__}: {error}")
