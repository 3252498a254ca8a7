"""How far an experiment is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REPORT_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` of `of` steps are done; `doing` says what is being done."""

    step: int
    of: int
    doing: str


OnProgress = Callable[[Progress], object]


def count_steps(on_progress: OnProgress, of: int, doing: str) -> Callable[[int], None]:
    """A callback that adds a number of steps; it reports the sum at most five times a second."""
    done, reported_s = 0, 0.0

    def add(number: int) -> None:
        nonlocal done, reported_s
        done += number
        if time.monotonic() - reported_s > REPORT_EVERY_S or done >= of:
            reported_s = time.monotonic()
            on_progress(Progress(done, of, doing))

    return add
