"""An attacker who has seen some codes and guesses others: how often does a guess hit a link?

The attacker tries each of these sequences with one percent of the guesses, and spends the rest on
the one that hits most:

- the numbers next to those seen, in both directions;
- the same in steps of the greatest common divisor of all differences, which codes that are made in
  strides have in common;
- for codes that look like snowflakes: the first id of the same and of neighbouring milliseconds,
  for every worker id seen.

If codes have no order, each sequence is as good as chance: a guess hits with the density of the
code space, the share that is in use.
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
    """The result of an attack."""

    seen: int
    guesses: int
    hits: int
    density: float  # share of guesses that hit by chance

    @property
    def share(self) -> float:
        """Share of the guesses that hit, 0 to 1."""
        return self.hits / self.guesses if self.guesses else 0.0

    @property
    def is_blind(self) -> bool:
        """Whether guesses hit no more often than by chance, within three standard errors."""
        expected = self.guesses * self.density
        return self.hits <= expected + 3 * math.sqrt(expected)


def attack(codes: Collection[str], *, seed: int) -> Attack:
    """Show an attacker some codes, and count how many others are guessed.

    Args:
        codes: all in use, without duplicates. A tenth is shown, at most SEEN; guesses are half as
            many as the rest, at most GUESSES, so that a perfect attacker reaches a share of 1.
        seed: of the choice of codes that are shown.
    """
    ordered = sorted(codes)  # the order of a set differs between runs
    shown = random.Random(seed).sample(ordered, min(SEEN, len(ordered) // 10))
    if not shown:
        return Attack(0, 0, 0, 0.0)
    length = _usual_length(shown)
    hidden = set(ordered) - set(shown)
    allowed = min(GUESSES, len(hidden) // 2)
    guessed, hits = _guess(shown, length, allowed, hidden.__contains__)
    same_length = sum(len(code) == length for code in ordered)
    return Attack(len(shown), guessed, hits, same_length / BASE**length)


def _guess(
    shown: Sequence[str], length: int, allowed: int, is_hit: Callable[[str], bool]
) -> tuple[int, int]:
    """Try each sequence a little and continue with the best; returns guesses and hits."""
    tried = set(shown)

    def new_codes(numbers: Iterator[int]) -> Iterator[str]:
        for number in numbers:
            if 0 <= number < BASE**length and (code := encode(number, length)) not in tried:
                tried.add(code)
                yield code

    seen = [decode(code, length) for code in shown if len(code) == length]
    sequences = [new_codes(numbers) for numbers in _sequences(seen, length)]
    trial = max(1, int(allowed * _TRIAL_SHARE))
    scores = [sum(map(is_hit, islice(sequence, trial))) for sequence in sequences]
    best = sequences[max(range(len(sequences)), key=scores.__getitem__)]
    left = max(0, allowed - (len(tried) - len(shown)))
    hits = sum(scores) + sum(map(is_hit, islice(best, left)))
    return len(tried) - len(shown), hits


def _sequences(seen: Sequence[int], length: int) -> list[Iterator[int]]:
    """Endless sequences of numbers to try, as far as the seen ones suggest them."""
    sequences = [_neighbours(seen, 1, BASE**length)]
    step = math.gcd(*(number - seen[0] for number in seen))
    if step > 1:
        sequences.append(_neighbours(seen, step, BASE**length))
    if length == snowflake.LENGTH and max(seen) < 2**63:
        sequences.append(_snowflakes([snowflake.split_id(number) for number in seen]))
    return sequences


def _neighbours(seen: Sequence[int], step: int, space: int) -> Iterator[int]:
    for distance in range(step, space, step):
        for number in seen:
            yield number + distance
            yield number - distance


def _snowflakes(seen: Sequence[snowflake.Parts]) -> Iterator[int]:
    workers = sorted({parts.worker for parts in seen})
    for distance in count():
        for parts in seen:
            for unix_ms in {parts.unix_ms - distance, parts.unix_ms + distance}:
                for worker in workers:
                    yield snowflake.join_parts(snowflake.Parts(unix_ms, worker, 0))


def _usual_length(codes: Sequence[str]) -> int:
    ((length, _),) = Counter(map(len, codes)).most_common(1)
    return length
