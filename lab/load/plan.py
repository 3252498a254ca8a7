"""A load test's plan: which requests are sent, and in which proportion."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

ProfileName = Literal["regional", "viral", "cold", "scan", "mixed"]
Spacing = Literal["poisson", "even"]
PROFILES: Final[tuple[ProfileName, ...]] = get_args(ProfileName)

# Kinds of requests, as Locust and the results name them. The first three are redirects of existing
# links: --rate and --p99-ms are about these. The others are sent in addition.
REDIRECTS: Final = ("redirect", "redirect viral", "redirect cold")
UNKNOWN: Final = "unknown code"
SHORTEN: Final = "shorten"

# Shares of --rate by user class of locustfile.py. `user_weights` adds authors.
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
_NOT_REDIRECTING: Final = {"Scanner", "Author"}


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One load test."""

    profile: ProfileName = "regional"
    rate: int = 1_200  # redirects per second
    duration_s: int = 60
    warm_up_s: int = 3  # before the duration; its requests are in no result
    p99_ms: float = 50.0
    reads_per_write: int = 10
    links: int = 10_000  # over which Zipf's law spreads redirects
    zipf_exponent: float = 1.0
    spacing: Spacing = "poisson"
    redirect_status: int = 302

    @property
    def arrivals_per_user(self) -> float:
        """Requests per second of each Locust user."""
        redirecting = sum(
            weight for name, weight in self._weights.items() if name not in _NOT_REDIRECTING
        )
        return self.rate / redirecting

    @property
    def users(self) -> int:
        """Locust users: the fewest that keep the exact proportion of the classes."""
        return sum(self._weights.values())

    @property
    def requests_per_s(self) -> float:
        """Requests of all kinds per second."""
        return self.users * self.arrivals_per_user

    @property
    def cold_links(self) -> int:
        """Links that are requested once each, five standard deviations above the expectation."""
        total_s = self.warm_up_s + self.duration_s
        expected = self._weights.get("FirstVisitor", 0) * self.arrivals_per_user * total_s
        return math.ceil(expected + 5 * math.sqrt(expected))

    @property
    def hot_links(self) -> int:
        """Links that are requested repeatedly."""
        return {"viral": 1, "cold": 0}.get(self.profile, self.links)

    @property
    def _weights(self) -> dict[str, int]:
        return user_weights(self.profile, self.reads_per_write)


def user_weights(profile: ProfileName, reads_per_write: int) -> dict[str, int]:
    """Users of each class, as the smallest whole numbers in the right proportion.

    With their sum of users, or a multiple of it, Locust starts exactly these.
    """
    shares = _SHARES[profile]
    weights = {name: share * reads_per_write for name, share in shares.items()}
    if profile in _WITH_AUTHORS:
        weights["Author"] = sum(share for name, share in shares.items() if name != "Scanner")
    divisor = math.gcd(*weights.values())
    return {name: weight // divisor for name, weight in weights.items()}
