"""What a batch of clicks adds to the counts of each code: in all, by hour, and by day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

# Values of a dimension per code and day. A click with one more counts as "other": else whoever
# invents a new referrer for each request could fill the disk.
MOST_VALUES: Final = 200
OTHER: Final = "other"

DIMENSIONS: Final = ("referrer", "country", "browser", "os", "device", "language")


class Look(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A value for each of `DIMENSIONS`, and whether such a click is a bot's.

    Compared by identity, which is fast: that two objects say the same does no harm.
    """

    values: tuple[str, ...]
    is_bot: bool


class Tally(msgspec.Struct, array_like=True, gc=False):
    """How many clicks, and how many of them were made by bots. In JSON: `[clicks, bots]`."""

    clicks: int = 0
    bots: int = 0

    def add(self, clicks: int, bots: int) -> None:
        """Count some more."""
        self.clicks += clicks
        self.bots += bots


class Total(msgspec.Struct, gc=False):
    """Of one code."""

    clicks: int
    bots: int
    last_click_ms: int

    def add(self, clicks: int, bots: int, last_click_ms: int) -> None:
        """Count some more."""
        self.clicks += clicks
        self.bots += bots
        self.last_click_ms = max(self.last_click_ms, last_click_ms)


Dimensions = dict[str, dict[str, Tally]]


class Day(msgspec.Struct, gc=False):
    """What a batch adds to a code's day."""

    tally: Tally
    looks: list[Look]  # one for each click
    visitors: set[str]

    def add(self, tally: Tally, looks: Iterable[Look], visitors: set[str]) -> None:
        """Add another hour of it."""
        self.tally.add(tally.clicks, tally.bots)
        self.looks += looks
        self.visitors |= visitors

    def dimensions(self, stored: Dimensions | None = None) -> Dimensions:
        """The clicks by value, for each dimension, added to those that are stored.

        Values for which there is no room become "other".
        """
        made: Dimensions = {} if stored is None else stored
        dimensions = [made.setdefault(dimension, {}) for dimension in DIMENSIONS]
        for look in self.looks:
            is_bot = look.is_bot
            # Without a call: this runs six times for each click.
            for tallies, value in zip(dimensions, look.values, strict=True):
                tally = tallies.get(value)
                if tally is None:
                    kept = value if len(tallies) < MOST_VALUES else OTHER
                    tally = tallies.setdefault(kept, Tally())
                tally.clicks += 1
                if is_bot:
                    tally.bots += 1
        return made


@dataclass(slots=True)
class Rollup:
    """What a batch of clicks adds to each table. Hours and days are numbers since 1970, in UTC.

    Best in the order of codes: rows that are neighbours in an index are then written together.
    """

    totals: dict[str, Total] = field(default_factory=dict)
    hours: dict[tuple[str, int], Tally] = field(default_factory=dict)
    days: dict[tuple[str, int], Day] = field(default_factory=dict)
