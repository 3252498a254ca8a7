"""The input of a capacity plan, and the parts of its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.capacity.code_length import DAYS_PER_YEAR

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Workload:
    """The demand on the service."""

    links_per_day: float
    reads_per_write: float = 100
    years: float = 5
    bytes: float = 500  # per link: its row without the index
    peak: float = 3  # peak rate / mean rate
    hit_rate: float = 0.9  # share of reads that any cache answers
    zipf: float = 1.0  # exponent of Zipf's law

    @property
    def links(self) -> float:
        """Links at the end of the period."""
        return self.links_per_day * DAYS_PER_YEAR * self.years

    @property
    def writes(self) -> float:
        """Links created per second, on average."""
        return self.links_per_day / DAY_S

    @property
    def reads(self) -> float:
        """Redirects per second, on average."""
        return self.writes * self.reads_per_write


# The scales of docs/design.md, section 2.
SCALES: Final = {
    # 10 million links in total. Its peaks of 1/s and 10/s are in the working hours of a team.
    "team": Workload(10e6 / 5 / DAYS_PER_YEAR, reads_per_write=10, bytes=250, peak=16),
    # 100 million links per month.
    "regional": Workload(100e6 * 12 / DAYS_PER_YEAR, reads_per_write=10),
    "internet": Workload(100e6, bytes=100),
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One result. The formula has its numbers filled in and ends with the value."""

    name: str
    label: str
    value: float
    formula: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the plan."""

    title: str
    figures: Sequence[Quantity]
