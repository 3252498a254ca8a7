"""The calculator: whether a code length will do, in numbers and in words."""

import dataclasses
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from keygen.strategies import StrategyName
from lab.capacity.code_length import DENSEST_DRAWN, DRAWN, Estimate, estimate
from lab.capacity.numbers import say_chance, say_count, say_years


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked; no link is ever deleted, and a year has 365 days."""

    links_per_day: Annotated[float, Meta(gt=0, le=1e15, title="Links a day")] = 100e6
    years: Annotated[float, Meta(gt=0, le=10_000, title="Years")] = 5
    alphabet: Annotated[int, Meta(ge=2, le=128, title="Alphabet")] = 62
    length: Annotated[int, Meta(ge=1, le=32, title="Code length")] = 7
    strategy: Annotated[StrategyName, Meta(title="Strategy")] = "permuted"


def calculate(asked: Question) -> dict[str, Any]:
    """The estimate, for JSON: its numbers, whether the length lasts, a verdict, and words."""
    found = estimate(**msgspec.structs.asdict(asked))
    return dataclasses.asdict(found) | {
        "space": float(found.space),  # JSON's integers end at 64 bits
        "lasts": found.shortest_length <= asked.length,
        "verdict": _judge(found, asked.years, asked.length),
        "words": _describe(found),
    }


def _judge(found: Estimate, years: float, length: int) -> str:
    """In one sentence or two, whether the length lasts, and which length would do."""
    shortest = found.shortest_length
    said, lasts, wanted = _say_length(length), say_years(found.lasts_years), say_years(years)
    if shortest <= length:
        less = f"{shortest} would do" if shortest < length else "fewer would be too short"
        return f"{said} last: the last code is used after {lasts}. For {wanted}, {less}."
    if found.lasts_years < years:
        return f"{said} are used up after {lasts}, not {wanted}. {shortest} would last."
    return (
        f"{said} last {wanted}, but get crowded: over {DENSEST_DRAWN * 100:.0f} % of the codes are"
        f" taken by then, and as many draws hit a taken code. {shortest} leave room."
    )


def _describe(found: Estimate) -> dict[str, str]:
    """The numbers of an estimate as a person says them, with their labels."""
    drawn = found.strategy in DRAWN
    return {
        "Links by then": say_count(found.links),
        "Codes of this length": say_count(found.space),
        "Codes taken by then": say_chance(found.density)
        if found.density <= 1
        else "they do not fit",
        "Used up after": say_years(found.lasts_years),
        "Any code drawn twice": say_chance(found.collision_probability) if drawn else "none",
        "Retries of all inserts": say_count(found.retries) if drawn else "none",
        "Retries of the last insert": say_count(found.retries_last) if drawn else "none",
        "Guesses until a hit": say_count(found.guesses),
        "Shortest that lasts": _say_length(found.shortest_length),
    }


def _say_length(length: int) -> str:
    return "1 character" if length == 1 else f"{length} characters"
