"""Processes that make codes at the same time, each with an interpreter of its own."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import Any, Final, Literal

from lab.strategies.makers.maker import Job, Made, ready_maker

READY_WITHIN_S: Final = 30.0
# Beyond the time limit of its job: a process that is slow, not one that is stuck.
SLACK_S: Final = 30.0

Work = Literal["codes", "links"]


class MakerError(Exception):
    """A process that made codes has failed, or did not answer in time."""


def run_makers(work: Work, jobs: Sequence[Job]) -> list[Made]:
    """Do each job in a process of its own; all begin at the same moment.

    Raises:
        MakerError: one of them failed. None is left behind.
    """
    context = clean_context()
    barrier = context.Barrier(len(jobs))
    pipes = [context.Pipe(duplex=False) for _ in jobs]
    processes = [
        context.Process(target=_work, args=(work, job, barrier, writer), daemon=True)
        for job, (_, writer) in zip(jobs, pipes, strict=True)
    ]
    with running(processes):
        for _, writer in pipes:
            writer.close()  # or the end of the process would not be the end of the pipe
        limit_s = READY_WITHIN_S + SLACK_S + max(job.limit_s for job in jobs)
        return [_receive(reader, limit_s) for reader, _ in pipes]


def clean_context() -> ForkServerContext:
    """Processes forked off a server that has imported the maker and done nothing else.

    A process that begins from nothing needs half a second to import everything, and a fork of this
    one would inherit its threads' locks and connections.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "lab.strategies.makers.maker"])
    return context


@contextmanager
def running(processes: Sequence[BaseProcess]) -> Iterator[None]:
    """Start processes; at the end, kill those that are still there."""
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()


def _receive(reader: "Connection[Any, Made | str]", limit_s: float) -> Made:
    try:
        received = reader.recv() if reader.poll(limit_s) else f"no answer in {limit_s:.0f} s"
    except EOFError:
        received = "a process ended without a word"
    if isinstance(received, str):
        raise MakerError(received)
    return received


def _work(work: Work, job: Job, barrier: Barrier, writer: "Connection[Made | str, Any]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends the others
    try:
        with ready_maker(job) as maker:
            barrier.wait(READY_WITHIN_S)
            writer.send(maker.make_codes() if work == "codes" else maker.make_links())
    except Exception as error:
        barrier.abort()
        writer.send(f"strategy {job.strategy}: {type(error).__name__}: {error}")
