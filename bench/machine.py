"""The cores of this machine, and the CPU time that processes use."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the measured server; the others for everything else."""

    server: frozenset[int]
    others: frozenset[int]

    @property
    def are_apart(self) -> bool:
        """Whether the server shares its core with nothing else."""
        return self.server.isdisjoint(self.others)


def split_cores() -> Cores:
    """Reserve the last core for the server; the first one often handles interrupts.

    On a single core, or where processes cannot be pinned (macOS), all share all cores.
    """
    usable = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if len(usable) > 1:
        return Cores(frozenset(usable[-1:]), frozenset(usable[:-1]))
    every = frozenset(usable or range(os.cpu_count() or 1))
    return Cores(every, every)


def pin(pid: int, cores: frozenset[int]) -> None:
    """Restrict a process and its future children to these cores. Linux only."""
    if sys.platform == "linux":
        os.sched_setaffinity(pid, cores)


def used_cpu_s(roots: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds used so far by each process and its descendants, including ended ones.

    Args:
        roots: name -> process id.
    """
    return {name: _used_by_tree(psutil.Process(pid)) for name, pid in roots.items()}


def _used_by_tree(root: psutil.Process) -> float:
    used_s = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # it has just ended; its parent includes its time
            continue
        used_s += times.user + times.system + times.children_user + times.children_system
    return used_s
