"""What a capacity plan starts from, and what it consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.capacity.code_length import DAYS_PER_YEAR

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked of the service."""

    links_per_day: float
    reads_per_write: float = 100
    years: float = 5
    bytes: float = 500  # of a link: its row without the index
    peak: float = 3  # times the mean rate
    hit_rate: float = 0.9  # of all caches together
    zipf: float = 1.0  # exponent of popularity

    @property
    def links(self) -> float:
        """All links at the end of the time."""
        return self.links_per_day * DAYS_PER_YEAR * self.years

    @property
    def writes(self) -> float:
        """Links made per second, on average."""
        return self.links_per_day / DAY_S

    @property
    def reads(self) -> float:
        """Redirects per second, on average."""
        return self.writes * self.reads_per_write


# The scales of docs/design.md, section 2.
SCALES: Final = {
    # 10 million links in all; 1/s and 10/s are its peaks, in the hours when a team works.
    "team": Workload(10e6 / 5 / DAYS_PER_YEAR, reads_per_write=10, bytes=250, peak=16),
    # 100 million links a month.
    "regional": Workload(100e6 * 12 / DAYS_PER_YEAR, reads_per_write=10),
    "internet": Workload(100e6, bytes=100),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One result. The formula has its numbers filled in, and ends with the value."""

    name: str
    label: str
    value: float
    formula: str


@dataclass(frozen=True, slots=True)
class Part:
    """Figures that belong together."""

    title: str
    figures: Sequence[Figure]
