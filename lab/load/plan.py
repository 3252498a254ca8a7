"""Which requests a load test sends, and in which proportion."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final, Literal, get_args

ProfileName = Literal["regional", "viral", "cold", "scan", "mixed"]
Spacing = Literal["poisson", "even"]
PROFILES: Final[tuple[ProfileName, ...]] = get_args(ProfileName)

# What one request is called in Locust's figures and in ours. The first three are redirects of
# existing links, and --rate and --p99-ms speak of them; the others come on top.
REDIRECTS: Final = ("redirect", "redirect viral", "redirect cold")
UNKNOWN: Final = "unknown code"
SHORTEN: Final = "shorten"

# Parts of --rate by user class of locustfile.py. Authors come on top, see `user_weights`.
_SHARES: Final[Mapping[ProfileName, Mapping[str, int]]] = MappingProxyType(
    {
        "regional": {"Visitor": 10},
        "viral": {"Crowd": 10},
        "cold": {"FirstVisitor": 10},
        "scan": {"Visitor": 10, "Scanner": 5},
        "mixed": {"Visitor": 6, "Crowd": 3, "FirstVisitor": 1, "Scanner": 1},
    }
)
_WITH_AUTHORS: Final = {"regional", "mixed"}
_ON_TOP: Final = {"Scanner", "Author"}


@dataclass(frozen=True, slots=True)
class Plan:
    """One load test."""

    profile: ProfileName = "regional"
    rate: int = 1_200  # redirects a second
    duration_s: int = 60
    warm_up_s: int = 3  # before that: requests are sent, and not looked at
    p99_ms: float = 50.0
    reads_per_write: int = 10
    links: int = 10_000  # that Zipf's law spreads redirects over
    zipf_exponent: float = 1.0
    spacing: Spacing = "poisson"
    redirect_status: int = 302

    @property
    def arrivals_per_user(self) -> float:
        """Arrivals a second of each of Locust's users, when there are `users` of them."""
        weights = user_weights(self.profile, self.reads_per_write)
        return self.rate / sum(weight for name, weight in weights.items() if name not in _ON_TOP)

    @property
    def users(self) -> int:
        """Locust's users: as many as it takes to have every class in exact proportion."""
        return sum(user_weights(self.profile, self.reads_per_write).values())

    @property
    def requests_per_s(self) -> float:
        """Requests of all kinds a second."""
        return self.users * self.arrivals_per_user

    @property
    def cold_links(self) -> int:
        """Links that are asked for once each; with room for the chance in Poisson arrivals."""
        weights = user_weights(self.profile, self.reads_per_write)
        lasts_s = self.warm_up_s + self.duration_s
        expected = weights.get("FirstVisitor", 0) * self.arrivals_per_user * lasts_s
        return math.ceil(expected + 5 * math.sqrt(expected))

    @property
    def hot_links(self) -> int:
        """Links that are asked for again and again."""
        return {"viral": 1, "cold": 0}.get(self.profile, self.links)


def user_weights(profile: ProfileName, reads_per_write: int) -> dict[str, int]:
    """How many users of each class there are, as the smallest whole numbers.

    With as many users as they sum up to, or a multiple, Locust starts exactly these.
    """
    weights = {name: share * reads_per_write for name, share in _SHARES[profile].items()}
    if profile in _WITH_AUTHORS:
        weights["Author"] = sum(
            share for name, share in _SHARES[profile].items() if name != "Scanner"
        )
    divisor = math.gcd(*weights.values())
    return {name: weight // divisor for name, weight in weights.items()}


def arrival_times(begin_s: float, rate: float, spacing: Spacing, random: Random) -> Iterator[float]:
    """When requests are due, for ever, on a clock of the caller's.

    Visitors who know nothing of each other arrive as a Poisson process: gaps are exponential, and
    some requests come in bunches, which a server must stand. Even spacing is gentler.

    Args:
        begin_s: nothing is due earlier.
        rate: arrivals a second, on average.
        spacing: "poisson" or "even".
        random: where chance comes from.
    """
    gap_s = 1 / rate
    due_s = begin_s + random.uniform(0, gap_s) if spacing == "even" else begin_s
    while True:
        # Added to the last due time and not to the present: a late arrival delays no other.
        if spacing == "poisson":
            due_s += random.expovariate(rate)
            yield due_s
        else:
            yield due_s
            due_s += gap_s
