"""What a code length is good for: the arithmetic of the calculator, without measuring anything.

n is the number of links, m = alphabet^length the number of codes. Numbers that a calculator can
look absurd for are not refused: `inf` means that no finite number will do.
"""

import math
from dataclasses import dataclass
from typing import Final

from lab.collisions.birthday_bound import collision_probability

BASE62: Final = 62
DAYS_PER_YEAR: Final = 365
MS_PER_DAY: Final = 86_400_000

# How a strategy's codes lie in the space decides everything below.
COUNTED: Final = ("counter", "range", "stride")  # one after the other: dense, unique, guessable
SPREAD: Final = ("permuted", "pool")  # unique when they are handed out, and without order
DRAWN: Final = ("random", "hash")  # without order; the INSERT finds out whether one is new
STRATEGIES: Final = (*COUNTED, *SPREAD, *DRAWN, "snowflake")

# An id is ms * 2^22 + worker * 2^12 + sequence: 41, 10 and 12 bits.
# https://github.com/twitter-archive/snowflake/tree/snowflake-2010
SNOWFLAKE_IDS_PER_MS: Final = 2**22
SNOWFLAKE_MS: Final = 2**41

# At this density one attempt in ten meets a conflict, and so does one guess in ten of an attacker:
# time for another character.
DENSEST_DRAWN: Final = 0.1


@dataclass(frozen=True, slots=True)
class Estimate:
    """What to expect of a strategy at the end of the time asked about."""

    strategy: str
    links: float
    space: int
    density: float  # links / space; above 1 the links do not fit
    collision_probability: float  # that any code at all is proposed twice
    retries: float  # conflicts met by all inserts together
    retries_last: float  # conflicts met by the last insert
    lasts_years: float  # until no code of this length is left
    guesses: float  # until a hit, see `expected_guesses`
    shortest_length: int  # characters with which it would last


def estimate(
    strategy: str,
    *,
    links_per_day: float,
    years: float,
    alphabet: int = BASE62,
    length: int = 7,
) -> Estimate:
    """Everything about one strategy.

    Args:
        strategy: one of STRATEGIES.
        links_per_day: above 0; none is ever deleted.
        years: of 365 days, above 0.
        alphabet: number of characters to choose from, at least 2.
        length: of a code in characters, at least 1.

    Raises:
        ValueError: an argument out of its range; the message says which.
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
    """Conflicts met by n inserts of uniform codes, each tried again until it finds a free one.

    The sum over i < n of i / (m - i), which is m (H(m) - H(m - n)) - n: the coupon collector's
    problem, stopped at n (Mitzenmacher and Upfal, "Probability and Computing", 2nd ed., section
    2.4.1). With an integral in place of the sum it is m ln(m / (m - n)) - n, too much by about
    half of what the last insert meets.
    """
    if links >= space:
        return math.inf
    density = links / space
    if density < 1e-6:  # below it, n^2 / 2m is exact and the difference is not
        return links * density / 2
    return -space * math.log1p(-density) - links


def expected_retries_last(links: float, space: int) -> float:
    """Conflicts met by the last of n inserts: d / (1 - d), where d = (n - 1) / m are taken.

    The number of failures before the first success of a geometric distribution: Feller, "An
    Introduction to Probability Theory and Its Applications", vol. 1, 3rd ed., section VI.8.
    """
    taken = max(links - 1, 0) / space
    return taken / (1 - taken) if taken < 1 else math.inf


def years_until_full(strategy: str, links_per_day: float, space: int) -> float:
    """Until all codes of this length are used.

    Counted, spread and drawn codes last as long as there are any, drawn ones with more and more
    retries. A snowflake id grows by 2^22 every millisecond, whether links are made or not, and
    runs out of its 41 bits of milliseconds after 69.7 years at the latest.
    """
    if strategy == "snowflake":
        return min(space / SNOWFLAKE_IDS_PER_MS, SNOWFLAKE_MS) / MS_PER_DAY / DAYS_PER_YEAR
    return space / links_per_day / DAYS_PER_YEAR


def expected_guesses(strategy: str, links: float, space: int, links_per_day: float) -> float:
    """Until an attacker who holds one code, and never guesses twice the same, opens another link.

    - counted: the next number is a link, so 1 (the step of `stride` shows in two codes; at the end
      of a block an attacker turns round).
    - spread and drawn: (m + 1) / (n + 1), the expected place of the first of n hits among m cards
      in random order, about 1 / density: the mean of the negative hypergeometric distribution,
      https://en.wikipedia.org/wiki/Negative_hypergeometric_distribution
    - snowflake: one guess per millisecond, worker and sequence taken from the code that is known:
      1 / (links per millisecond).
    """
    if strategy in COUNTED:
        return 1.0
    if strategy == "snowflake":
        return max(1.0, MS_PER_DAY / links_per_day)
    return max(1.0, (space + 1) / (links + 1))


def shortest_length(strategy: str, links: float, years: float, alphabet: int = BASE62) -> int:
    """The least number of characters with which all links fit.

    Drawn codes need room between them: at most DENSEST_DRAWN of the space may be taken. Snowflake
    ids need room for every millisecond, used or not.
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
        raise ValueError(f"no strategy {strategy!r}; there are: {', '.join(STRATEGIES)}")
    for name, value in (("links_per_day", links_per_day), ("years", years)):
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be a number above 0, not {value}")
    if alphabet < 2:  # one character cannot tell codes apart
        raise ValueError(f"an alphabet has at least 2 characters, not {alphabet}")
    if length < 1:
        raise ValueError(f"a code has at least 1 character, not {length}")
