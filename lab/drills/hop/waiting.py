"""Waiting for a running hop to reach a state."""

import time
from collections.abc import Callable
from typing import Final

READY_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.05


class HopError(Exception):
    """Hop did not reach an expected state in time; the message says which."""


def wait_until(
    condition: Callable[[], object], what: str, within_s: float = READY_WITHIN_S
) -> None:
    """Poll until a condition holds.

    Args:
        condition: called every 50 ms.
        what: completes the message "timed out after 60 s: …".
        within_s: the limit.

    Raises:
        HopError: the condition does not hold within the limit.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise HopError(f"timed out after {within_s:.0f} s: {what}")
        time.sleep(_POLL_S)
