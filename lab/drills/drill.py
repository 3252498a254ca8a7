"""What a drill works on, and what it promises."""

import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lab.drills.hop.running_hop import RunningHop, wait_until

Tell = Callable[[str], object]  # is told in a few words what happens, as it happens

RESTARTED_WITHIN_S: Final = 60.0


@dataclass(slots=True)
class Stage:
    """Handed to the damage of a drill, which returns when it is over."""

    hop: RunningHop
    duration_s: float  # how long what lasts is to last
    chance: random.Random
    tell: Tell
    # Each may cut off as many answers as there are clients.
    web_processes_ended: int = 0


@dataclass(frozen=True, slots=True)
class Drill:
    """Damage, and what a client may see of it. Clicks are never lost or doubled."""

    name: str
    shows: str  # one sentence
    damage: Callable[[Stage], None]
    duration_s: float = 0.0  # of what lasts, unless another length is asked for
    # No redirect may fail: what is damaged is not between the client and a known link.
    redirects_go_on: bool = True
    settings: tuple[tuple[str, str], ...] = ()  # that its hop is started with
    headers: tuple[tuple[str, str], ...] = ()  # that its clients send


def kill(stage: Stage, name: str) -> None:
    """SIGKILL the first process of a name in demo.json; returns when another took its place."""
    victim = stage.hop.pid(name)
    if name != "worker":
        stage.web_processes_ended += len(stage.hop.pids("web")) if name == "gunicorn" else 1
    stage.tell(f"SIGKILL {name}, process {victim}")
    os.kill(victim, signal.SIGKILL)
    wait_until(
        lambda: victim not in (present := stage.hop.pids(name)) and present,
        f"another {name}",
        RESTARTED_WITHIN_S,
    )


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process where it is, with its connections open; it goes on at the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
