"""The birthday bound beside collisions of real codes.

`measure` makes codes as the strategies `random` and `hash` do and counts collisions;
`birthday_bound` has the formulas. Codes in base62 and integers are one to one, so collisions are
counted among integers: the count is the same, and several times faster.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from keygen.base62 import BASE
from lab.collisions.birthday_bound import collision_probability, expected_collisions

LENGTHS: Final = range(3, 8)
KINDS: Final = ("random", "hash")
# Numbers of codes per trial, in units of the square root of the code space. Collisions start at
# about 1: with 1.18, half of the trials have one.
MULTIPLES: Final = (0.25, 0.5, 1.0, 2.0, 8.0)
FEWEST_TRIALS: Final = 10
MOST_TRIALS: Final = 400
# Codes per kind and length: all ten together take a minute on one core.
BUDGET: Final = 10_000_000
# In standard errors. By chance, one measurement in 22 is further from its formula.
AGREES_WITHIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One kind, length and number of codes: measured over some trials, and by formula.

    The errors are standard errors of a mean over these trials if the formula is right: of a
    proportion for the probability, and of a Poisson count for the collisions, which are rare and
    nearly independent.
    """

    kind: str
    length: int
    codes: int
    trials: int
    collided: float  # share of trials with any collision
    probability: float
    probability_error: float
    collisions: float  # mean number of codes that equal an earlier one
    expected: float
    expected_error: float
    agrees: bool  # both within two standard errors


def plan_trials(length: int, budget: int) -> tuple[list[int], int]:
    """Numbers of codes to measure at, and the number of trials.

    Large numbers of codes are left out if the budget does not allow ten trials with them.
    """
    root = math.sqrt(BASE**length)
    affordable = [each for each in MULTIPLES if each * root * FEWEST_TRIALS <= budget]
    numbers = [round(each * root) for each in affordable or MULTIPLES[:1]]
    return numbers, max(FEWEST_TRIALS, min(MOST_TRIALS, budget // numbers[-1]))


def measure(
    *, seed: int, budget: int = BUDGET, on_progress: Callable[[int], object] = lambda _codes: None
) -> list[Measurement]:
    """Measure every kind and length; a minute and 150 MiB with the default budget.

    Args:
        seed: the same seed gives the same codes.
        budget: codes per kind and length; more if the ten smallest trials need more.
        on_progress: called after each trial with its number of codes.
    """
    results = []
    for kind in KINDS:
        for length in LENGTHS:
            numbers, trials = plan_trials(length, budget)
            counts = []
            for trial in range(trials):
                chunks = _make_codes(kind, length, numbers, f"{seed}/{length}/{trial}")
                counts.append(count_collisions(chunks))
                on_progress(numbers[-1])
            columns = zip(numbers, zip(*counts, strict=True), strict=True)
            results += [_summarise(kind, length, number, column) for number, column in columns]
    return results


def codes_to_make(budget: int = BUDGET) -> int:
    """The total number of codes that `measure` makes."""
    plans = [plan_trials(length, budget) for length in LENGTHS]
    return len(KINDS) * sum(numbers[-1] * trials for numbers, trials in plans)


def count_collisions(chunks: Iterator[list[int]]) -> list[int]:
    """After each chunk, the number of codes so far that equal an earlier one."""
    seen: set[int] = set()
    made, counts = 0, []
    for chunk in chunks:
        seen.update(chunk)
        made += len(chunk)
        counts.append(made - len(seen))
    return counts


def random_codes(length: int, number: int, rng: random.Random) -> list[int]:
    """Uniform codes. hop draws from the system's CSPRNG; a seeded generator can be repeated."""
    return rng.choices(range(BASE**length), k=number)


def hash_codes(length: int, numbers: range, name: str) -> list[int]:
    """SHA-256 hashes of different URLs, cut to 64 bits and reduced to the length.

    The bias of the reduction is below 62^7 / 2^64, one code in five million.
    """
    space = BASE**length
    page = f"https://example.org/{name}/%d".encode()
    from_bytes, digest_of = int.from_bytes, sha256
    return [from_bytes(digest_of(page % n).digest()[:8], "big") % space for n in numbers]


def _make_codes(kind: str, length: int, numbers: Sequence[int], name: str) -> Iterator[list[int]]:
    """The codes of one trial, in chunks that end at each of `numbers`."""
    rng = random.Random(name)
    made = 0
    for number in numbers:
        if kind == "random":
            yield random_codes(length, number - made, rng)
        else:
            yield hash_codes(length, range(made, number), name)
        made = number


def _summarise(kind: str, length: int, codes: int, counts: Sequence[int]) -> Measurement:
    space, trials = BASE**length, len(counts)
    collided = sum(count > 0 for count in counts) / trials
    probability = collision_probability(codes, space)
    probability_error = math.sqrt(probability * (1 - probability) / trials)
    collisions, expected = sum(counts) / trials, expected_collisions(codes, space)
    expected_error = math.sqrt(expected / trials)
    agrees = (
        abs(collided - probability) <= AGREES_WITHIN * probability_error
        and abs(collisions - expected) <= AGREES_WITHIN * expected_error
    )
    return Measurement(
        kind, length, codes, trials,
        collided, probability, probability_error,
        collisions, expected, expected_error, agrees,
    )  # fmt: skip
