"""A drill: one fault, and what clients may see of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from lab.drills.hop.running_hop import RunningHop

Log = Callable[[str], object]  # takes one short line about each step


@dataclass(slots=True)
class FaultContext:
    """What a fault works with."""

    hop: RunningHop
    duration_s: float  # of a fault that lasts, such as an outage
    rng: random.Random
    log: Log
    web_processes_ended: int = 0  # each may cut off one response per client


@dataclass(frozen=True, slots=True)
class Drill:
    """A fault and its promise. Every drill also promises that no click is lost or doubled."""

    name: str
    shows: str  # one sentence
    fault: Callable[[FaultContext], None]  # returns when the fault is over
    duration_s: float = 0.0  # the default of a fault that lasts
    redirects_succeed: bool = True  # no redirect of an existing link fails meanwhile
    settings: tuple[tuple[str, str], ...] = ()  # environment variables of hop
    headers: tuple[tuple[str, str], ...] = ()  # of each redirect request
