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


class Agent(msgspec.Struct, frozen=True, gc=False):
    """What a User-Agent header says. Names as the ua-parser project spells them, or `unknown`."""

    browser: str
    os: str
    device: str  # mobile, tablet, desktop or unknown
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


class Looks(msgspec.Struct, gc=False):
    """What some clicks say of who made them: an item of each list for each click."""

    referrers: list[str]
    countries: list[str]
    agents: list[Agent]
    languages: list[str]

    def add(self, other: "Looks") -> None:
        """Add other clicks."""
        self.referrers += other.referrers
        self.countries += other.countries
        self.agents += other.agents
        self.languages += other.languages

    def first(self) -> tuple[str, str, Agent, str]:
        """What the first click says."""
        return self.referrers[0], self.countries[0], self.agents[0], self.languages[0]

    def by_dimension(self) -> Iterable[tuple[str, list[str]]]:
        """A list of values for each of `DIMENSIONS`."""
        agents = self.agents
        columns = (
            self.referrers,
            self.countries,
            [agent.browser for agent in agents],
            [agent.os for agent in agents],
            [agent.device for agent in agents],
            self.languages,
        )
        return zip(DIMENSIONS, columns, strict=True)


class Day(msgspec.Struct, gc=False):
    """What a batch adds to a code's day."""

    tally: Tally
    looks: Looks
    visitors: set[str]

    def add(self, tally: Tally, looks: Looks, visitors: set[str]) -> None:
        """Add another hour of it."""
        self.tally.add(tally.clicks, tally.bots)
        self.looks.add(looks)
        self.visitors |= visitors

    def dimensions(self, stored: Dimensions | None = None) -> Dimensions:
        """The clicks by value, for each dimension, added to those that are stored.

        Values for which there is no room become "other".
        """
        made: Dimensions = {} if stored is None else stored
        for dimension, values in self.looks.by_dimension():
            tallies = made.setdefault(dimension, {})
            for value in values:  # without a call: this runs six times for each click
                tally = tallies.get(value)
                if tally is None:
                    kept = value if len(tallies) < MOST_VALUES else OTHER
                    tally = tallies.setdefault(kept, Tally())
                tally.clicks += 1
            if self.tally.bots:
                for value, agent in zip(values, self.looks.agents, strict=True):
                    if agent.is_bot:  # and its value has its tally by now, unless it is "other"
                        tallies[value if value in tallies else OTHER].bots += 1
        return made


@dataclass(slots=True)
class Rollup:
    """What a batch of clicks adds to each table. Hours and days are numbers since 1970, in UTC.

    Best in the order of codes: rows that are neighbours in an index are then written together.
    """

    totals: dict[str, Total] = field(default_factory=dict)
    hours: dict[tuple[str, int], Tally] = field(default_factory=dict)
    days: dict[tuple[str, int], Day] = field(default_factory=dict)
