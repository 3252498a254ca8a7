"""Damage to the journal's disk: hop's own quota stands in for it."""

from typing import Final

from lab.drills.drill import Stage, frozen
from lab.drills.hop.click_counts import read_dropped
from lab.drills.hop.running_hop import wait_until

QUOTA_BYTES: Final = 1024 * 1024  # for each web process: some thousand clicks
FULL_WITHIN_S: Final = 300.0
# As long as a click may keep, and longer in JSON: it takes fewer of them to fill memory, too.
LONG_HEADERS: Final = (
    ("User-Agent", "\\" * 320),
    ("Referer", "https://example.org/" + "a" * 180),
    ("Accept-Language", "\\" * 40),
)


def fill_journal(stage: Stage) -> None:
    """Freeze the worker until journal and memory are full and clicks are dropped."""
    before = read_dropped(stage.hop)
    stage.tell("the worker is frozen until the journals are full")
    with frozen(stage.hop.pid("worker")):
        wait_until(
            lambda: read_dropped(stage.hop) > before, "the first dropped click", FULL_WITHIN_S
        )
    stage.tell("clicks were dropped; the worker goes on")
