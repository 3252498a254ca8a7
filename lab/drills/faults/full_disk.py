"""Fault of the journals' disk. hop's own quota stands in for a full disk."""

from typing import Final

from lab.drills.drill import FaultContext
from lab.drills.hop.click_counts import read_dropped
from lab.drills.hop.waiting import wait_until
from lab.processes import frozen

QUOTA_BYTES: Final = 1024 * 1024  # per web process: some thousand clicks
FULL_WITHIN_S: Final = 300.0
# The longest values that a click keeps, with characters that JSON escapes: fewer clicks fill the
# quota and the memory.
LONG_HEADERS: Final = (
    ("User-Agent", "\\" * 320),
    ("Referer", "https://example.org/" + "a" * 180),
    ("Accept-Language", "\\" * 40),
)


def fill_journal(context: FaultContext) -> None:
    """Freeze the worker until journals and memory are full and hop drops clicks."""
    dropped_before = read_dropped(context.hop)
    context.log("worker frozen until the journals are full")
    with frozen(context.hop.pid("worker")):
        wait_until(
            lambda: read_dropped(context.hop) > dropped_before,
            "the first dropped click",
            FULL_WITHIN_S,
        )
    context.log("hop drops clicks; worker resumed")
