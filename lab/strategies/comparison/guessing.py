"""An attacker who has seen some codes and guesses others: how often does a guess lead to a link?

The attacker does the obvious and learns from answers. A hundredth of the guesses goes to each of
these plans, and the rest to the one that hits most:

- the numbers next to those seen, in both directions;
- the same in steps of the greatest common divisor of all differences, which is what codes that are
  made in strides have in common;
- of codes that look like snowflakes, the first id of the same and the neighbouring milliseconds, of
  every worker that was seen.

Without order in the codes every plan is as good as chance, and a guess hits with the probability
that a code of the space is in use: the density.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

from keygen.base62 import BASE, decode, encode
from keygen.strategies import snowflake

SEEN: Final = 100
GUESSES: Final = 10_000
_TRIAL_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attack has come to. `density` is what blind guessing hits, as a share."""

    seen: int
    guesses: int
    hits: int
    density: float

    @property
    def share(self) -> float:
        """Share of the guesses that hit, from 0 to 1."""
        return self.hits / self.guesses if self.guesses else 0.0

    @property
    def is_blind(self) -> bool:
        """Whether it hit no more often than blind guesses do, within three standard errors."""
        expected = self.guesses * self.density
        return self.hits <= expected + 3 * math.sqrt(expected)


def attack(
    codes: Collection[str], *, seed: int, seen: int = SEEN, guesses: int = GUESSES
) -> Attack:
    """Show an attacker some of the codes in use, and count how many others are guessed.

    Args:
        codes: those in use, all different. Of few codes fewer are shown (a tenth), and fewer
            guesses made (half as many as could hit), so that a perfect attacker would reach 1.
        seed: of the choice which codes are shown.
        seen: how many of them, at most.
        guesses: how many codes are tried, at most; never one that was shown, and none twice.
    """
    ordered = sorted(codes)  # a set's own order differs from run to run
    chance = random.Random(seed)
    shown = chance.sample(ordered, min(seen, len(ordered) // 10))
    if not shown:
        return Attack(0, 0, 0, 0.0)
    length = _usual_length(shown)
    hidden = set(ordered) - set(shown)
    allowed = min(guesses, len(hidden) // 2)
    made, hits = _guess(shown, length, allowed, hidden.__contains__)
    alike = sum(len(code) == length for code in ordered)
    return Attack(len(shown), made, hits, alike / BASE**length)


def _guess(
    shown: Sequence[str], length: int, allowed: int, is_hit: Callable[[str], bool]
) -> tuple[int, int]:
    """Try each plan a little and go on with the best; returns guesses made and hits."""
    tried = set(shown)

    def new_codes(plan: Iterator[int]) -> Iterator[str]:
        for number in plan:
            if 0 <= number < BASE**length and (code := encode(number, length)) not in tried:
                tried.add(code)
                yield code

    numbers = [decode(code, length) for code in shown if len(code) == length]
    plans = [new_codes(plan) for plan in _plans(numbers, length)]
    trial = max(1, int(allowed * _TRIAL_SHARE))
    scores = [sum(map(is_hit, islice(plan, trial))) for plan in plans]
    best = max(range(len(plans)), key=scores.__getitem__)
    made = len(tried) - len(shown)
    hits = sum(scores) + sum(map(is_hit, islice(plans[best], max(0, allowed - made))))
    return len(tried) - len(shown), hits


def _plans(numbers: Sequence[int], length: int) -> list[Iterator[int]]:
    """Endless sequences of numbers to try; some of a kind only where the codes invite it."""
    plans = [_neighbours(numbers, 1, BASE**length)]
    step = math.gcd(*(number - numbers[0] for number in numbers))
    if step > 1:
        plans.append(_neighbours(numbers, step, BASE**length))
    if length == snowflake.LENGTH and max(numbers) < 2**63:
        plans.append(_moments([snowflake.split_id(number) for number in numbers]))
    return plans


def _neighbours(numbers: Sequence[int], step: int, space: int) -> Iterator[int]:
    for distance in range(step, space, step):
        for number in numbers:
            yield number + distance
            yield number - distance


def _moments(seen: Sequence[snowflake.Parts]) -> Iterator[int]:
    workers = sorted({parts.worker for parts in seen})
    for distance in count():
        for parts in seen:
            for unix_ms in {parts.unix_ms - distance, parts.unix_ms + distance}:
                for worker in workers:
                    yield snowflake.join_parts(snowflake.Parts(unix_ms, worker, 0))


def _usual_length(codes: Sequence[str]) -> int:
    ((length, _),) = Counter(map(len, codes)).most_common(1)
    return length
