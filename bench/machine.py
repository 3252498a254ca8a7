"""The machine of a run: which cores do what, and whose processor time it was."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server that is measured, the others for all that serves the measurement."""

    server: frozenset[int]
    others: frozenset[int]

    @property
    def are_apart(self) -> bool:
        """Whether the server has a core for itself."""
        return self.server.isdisjoint(self.others)


def split_cores() -> Cores:
    """Give the last core to the server: the first one often takes the interrupts, too.

    With a single core, or where processes cannot be pinned (macOS), all share all.
    """
    usable = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if len(usable) > 1:
        return Cores(frozenset(usable[-1:]), frozenset(usable[:-1]))
    everything = frozenset(usable or range(os.cpu_count() or 1))
    return Cores(everything, everything)


def pin(pid: int, cores: frozenset[int]) -> None:
    """Keep a process, and what it starts from now on, on these cores, where that can be done."""
    if sys.platform == "linux":
        os.sched_setaffinity(pid, cores)


def used_cpu_s(roots: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds used so far by each process and all below it, living and ended.

    Args:
        roots: name -> process id.
    """
    return {name: _used_by_tree(psutil.Process(pid)) for name, pid in roots.items()}


def _used_by_tree(root: psutil.Process) -> float:
    used_s = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # ended just now: its parent has its time
            continue
        used_s += times.user + times.system + times.children_user + times.children_system
    return used_s
