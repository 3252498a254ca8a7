"""What to expect of codes of some length: formulas only, no measurement.

n is the number of links, m = alphabet^length the size of the code space. `inf` means that no finite
number is enough.
"""

import math
from dataclasses import dataclass
from typing import Final

from lab.collisions.birthday_bound import collision_probability

BASE62: Final = 62
DAYS_PER_YEAR: Final = 365
MS_PER_DAY: Final = 86_400_000

# Strategies by how their codes lie in the code space, which decides everything below.
COUNTED: Final = ("counter", "range", "stride")  # in order: dense, unique, guessable
SPREAD: Final = ("permuted", "pool")  # unique, without order
DRAWN: Final = ("random", "hash")  # without order; only the INSERT tells whether one is free
STRATEGIES: Final = (*COUNTED, *SPREAD, *DRAWN, "snowflake")

# An id is ms * 2^22 + worker * 2^12 + sequence: 41, 10 and 12 bits.
# https://github.com/twitter-archive/snowflake/tree/snowflake-2010
SNOWFLAKE_IDS_PER_MS: Final = 2**22
SNOWFLAKE_MS: Final = 2**41

# At this density, one INSERT in ten meets a conflict and one guess in ten hits a link: codes need
# another character.
DENSEST_DRAWN: Final = 0.1


@dataclass(frozen=True, slots=True)
class Estimate:
    """What to expect of a strategy at the end of the period."""

    strategy: str
    links: float
    space: int
    density: float  # links / space; above 1 there are not enough codes
    collision_probability: float  # of any code being proposed twice
    retries: float  # conflicts of all INSERTs
    retries_last: float  # conflicts of the last INSERT
    lasts_years: float  # until all codes of this length are used
    guesses: float  # until one hits a link, see `expected_guesses`
    shortest_length: int  # characters that are enough for the period


def estimate(
    strategy: str, *, links_per_day: float, years: float, alphabet: int = BASE62, length: int = 7
) -> Estimate:
    """Estimate everything about one strategy.

    Args:
        strategy: one of STRATEGIES.
        links_per_day: above 0; no link is ever deleted.
        years: of 365 days, above 0.
        alphabet: number of different characters, at least 2.
        length: of a code in characters, at least 1.

    Raises:
        ValueError: an argument is out of range; the message says which.
    """
    _check(strategy, links_per_day, years, alphabet, length)
    links = links_per_day * years * DAYS_PER_YEAR
    space = alphabet**length
    drawn = strategy in DRAWN
    return Estimate(
        strategy=strategy,
        links=links,
        space=space,
        density=links / space,
        collision_probability=collision_probability(round(links), space) if drawn else 0.0,
        retries=expected_retries(links, space) if drawn else 0.0,
        retries_last=expected_retries_last(links, space) if drawn else 0.0,
        lasts_years=years_until_full(strategy, links_per_day, space),
        guesses=expected_guesses(strategy, links, space, links_per_day),
        shortest_length=shortest_length(strategy, links, years, alphabet),
    )


def expected_retries(links: float, space: int) -> float:
    """Conflicts of n INSERTs of uniform codes, each retried until it finds a free one.

    The sum over i < n of i / (m - i), which is m (H(m) - H(m - n)) - n: the coupon collector's
    problem, stopped at n (Mitzenmacher and Upfal, "Probability and Computing", 2nd ed., section
    2.4.1). With an integral instead of the sum it is m ln(m / (m - n)) - n, which is too high by
    about half of the last INSERT's conflicts.
    """
    if links >= space:
        return math.inf
    density = links / space
    if density < 1e-6:  # below, n^2 / 2m is exact and the difference loses digits
        return links * density / 2
    return -space * math.log1p(-density) - links


def expected_retries_last(links: float, space: int) -> float:
    """Conflicts of the last of n INSERTs: d / (1 - d), where d = (n - 1) / m is the share taken.

    The failures before the first success of a geometric distribution: Feller, "An Introduction to
    Probability Theory and Its Applications", vol. 1, 3rd ed., section VI.8.
    """
    taken = max(links - 1, 0) / space
    return taken / (1 - taken) if taken < 1 else math.inf


def years_until_full(strategy: str, links_per_day: float, space: int) -> float:
    """Until all codes of this length are used.

    Counted, spread and drawn codes last until the last one, drawn ones with ever more retries. A
    snowflake id grows by 2^22 every millisecond, with or without links, and runs out of its 41
    bits of milliseconds after 69.7 years at the latest.
    """
    if strategy == "snowflake":
        return min(space / SNOWFLAKE_IDS_PER_MS, SNOWFLAKE_MS) / MS_PER_DAY / DAYS_PER_YEAR
    return space / links_per_day / DAYS_PER_YEAR


def expected_guesses(strategy: str, links: float, space: int, links_per_day: float) -> float:
    """Guesses that an attacker who knows one code needs to hit another link, without repeating one.

    - counted: 1, as the next number is a link. (Two codes reveal the step of `stride`; at the end
      of a block the attacker turns round.)
    - spread and drawn: (m + 1) / (n + 1), about 1 / density: the expected position of the first of
      n hits among m codes in random order, which is the mean of the negative hypergeometric
      distribution, https://en.wikipedia.org/wiki/Negative_hypergeometric_distribution
    - snowflake: 1 / (links per millisecond): one guess per millisecond, with the worker id and the
      sequence of the known code.
    """
    if strategy in COUNTED:
        return 1.0
    if strategy == "snowflake":
        return max(1.0, MS_PER_DAY / links_per_day)
    return max(1.0, (space + 1) / (links + 1))


def shortest_length(strategy: str, links: float, years: float, alphabet: int = BASE62) -> int:
    """The fewest characters that are enough for all links.

    Of drawn codes, at most a share of DENSEST_DRAWN may be in use. Snowflakes need ids for every
    millisecond, with or without links.
    """
    needed = links
    if strategy in DRAWN:
        needed = links / DENSEST_DRAWN
    elif strategy == "snowflake":
        needed = years * DAYS_PER_YEAR * MS_PER_DAY * SNOWFLAKE_IDS_PER_MS
    length = 1
    while alphabet**length < needed:
        length += 1
    return length


def _check(strategy: str, links_per_day: float, years: float, alphabet: int, length: int) -> None:
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    for name, value in (("links_per_day", links_per_day), ("years", years)):
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be a number above 0, not {value}")
    if alphabet < 2:
        raise ValueError(f"an alphabet has at least 2 characters, not {alphabet}")
    if length < 1:
        raise ValueError(f"a code has at least 1 character, not {length}")
