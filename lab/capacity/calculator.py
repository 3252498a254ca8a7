"""The calculator: whether a code length is sufficient, in numbers and in words."""

import dataclasses
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from keygen.strategies import StrategyName
from lab.capacity.code_length import DENSEST_DRAWN, DRAWN, Estimate, estimate
from lab.capacity.numbers import say_chance, say_count, say_years


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The input. Links are never deleted, and a year has 365 days."""

    links_per_day: Annotated[float, Meta(gt=0, le=1e15, title="Links per day")] = 100e6
    years: Annotated[float, Meta(gt=0, le=10_000, title="Years")] = 5
    alphabet: Annotated[int, Meta(ge=2, le=128, title="Alphabet")] = 62
    length: Annotated[int, Meta(ge=1, le=32, title="Code length")] = 7
    strategy: Annotated[StrategyName, Meta(title="Strategy")] = "permuted"


def calculate(question: Question) -> dict[str, Any]:
    """Return an estimate for JSON.

    It contains the fields of `Estimate`, and `lasts` (whether the length is sufficient), `verdict`
    (a sentence or two) and `words` (label -> formatted number).
    """
    found = estimate(**msgspec.structs.asdict(question))
    return dataclasses.asdict(found) | {
        "space": float(found.space),  # may exceed the 64-bit integers of JSON decoders
        "lasts": found.shortest_length <= question.length,
        "verdict": _judge(found, question.years, question.length),
        "words": _describe(found),
    }


def _judge(found: Estimate, years: float, length: int) -> str:
    """Whether the length is sufficient, and which length would be."""
    shortest = found.shortest_length
    lasts, wanted = say_years(found.lasts_years), say_years(years)
    if shortest <= length:
        shorter = f"{shortest} would do" if shortest < length else "no shorter one would do"
        return f"A length of {length} lasts {lasts}. For {wanted}, {shorter}."
    if found.lasts_years < years:
        return f"A length of {length} lasts {lasts}, not {wanted}. {shortest} would last."
    return (
        f"A length of {length} lasts {wanted}, but gets crowded: over {DENSEST_DRAWN * 100:.0f} %"
        " of the codes are taken by then, and the same share of draws hits a taken code."
        f" A length of {shortest} leaves room."
    )


def _describe(found: Estimate) -> dict[str, str]:
    """The numbers of an estimate, formatted, by label."""
    drawn = found.strategy in DRAWN
    return {
        "Links by then": say_count(found.links),
        "Codes of this length": say_count(found.space),
        "Codes taken by then": say_chance(found.density)
        if found.density <= 1
        else "more than exist",
        "Used up after": say_years(found.lasts_years),
        "Any code drawn twice": say_chance(found.collision_probability) if drawn else "none",
        "Retries of all inserts": say_count(found.retries) if drawn else "none",
        "Retries of the last insert": say_count(found.retries_last) if drawn else "none",
        "Guesses until a hit": say_count(found.guesses),
        "Shortest that lasts": _say_length(found.shortest_length),
    }


def _say_length(length: int) -> str:
    return "1 character" if length == 1 else f"{length} characters"
