"""The calculator: what a code length is good for, in numbers and in words."""

from typing import Annotated

import msgspec
from msgspec import Meta

from keygen.strategies import StrategyName
from lab.capacity.code_length import DENSEST_DRAWN, DRAWN, Estimate, estimate
from lab.page.wording import say_chance, say_count, say_years


class EstimateQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked."""

    strategy: StrategyName = "permuted"
    links_per_day: Annotated[float, Meta(gt=0, le=1e15)] = 100e6
    years: Annotated[float, Meta(gt=0, le=10_000)] = 5
    alphabet: Annotated[int, Meta(ge=2, le=128)] = 62
    length: Annotated[int, Meta(ge=1, le=32)] = 7


class Words(msgspec.Struct):
    """The numbers as a person says them."""

    links: str
    space: str
    density: str
    collision_probability: str
    retries: str
    retries_last: str
    lasts_years: str
    guesses: str
    shortest_length: str


class EstimateAnswer(msgspec.Struct):
    """The estimate; `lab.capacity.code_length` has the formulas. What is infinite is null."""

    strategy: str
    links: float
    space: float
    density: float
    collision_probability: float
    retries: float
    retries_last: float
    lasts_years: float
    guesses: float
    shortest_length: int
    lasts: bool
    verdict: str
    words: Words


def answer_estimate(asked: EstimateQuery) -> EstimateAnswer:
    """Work it out."""
    found = estimate(
        asked.strategy,
        links_per_day=asked.links_per_day,
        years=asked.years,
        alphabet=asked.alphabet,
        length=asked.length,
    )
    return EstimateAnswer(
        strategy=found.strategy,
        links=found.links,
        space=float(found.space),
        density=found.density,
        collision_probability=found.collision_probability,
        retries=found.retries,
        retries_last=found.retries_last,
        lasts_years=found.lasts_years,
        guesses=found.guesses,
        shortest_length=found.shortest_length,
        lasts=found.shortest_length <= asked.length,
        verdict=_judge(found, asked),
        words=_say(found),
    )


def _judge(found: Estimate, asked: EstimateQuery) -> str:
    """In one sentence or two, whether the length is a good one."""
    length, shortest = _say_length(asked.length), found.shortest_length
    lasts, wanted = say_years(found.lasts_years), say_years(asked.years)
    if shortest <= asked.length:
        less = f"{shortest} would do" if shortest < asked.length else "fewer would be too short"
        return f"{length} last: the last code is used after {lasts}. For {wanted}, {less}."
    if found.lasts_years < asked.years:
        return f"{length} are used up after {lasts}, not {wanted}. {shortest} would last."
    return (
        f"{length} last {wanted}, but get crowded: over {DENSEST_DRAWN:.0%} of the codes are taken"
        f" by then, and as often one is drawn in vain. {shortest} leave room."
    ).replace("%", " %", 1)


def _say_length(length: int) -> str:
    return "1 character" if length == 1 else f"{length} characters"


def _say(found: Estimate) -> Words:
    drawn = found.strategy in DRAWN
    return Words(
        links=say_count(found.links),
        space=say_count(found.space),
        density=say_chance(found.density) if found.density <= 1 else "they do not fit",
        collision_probability=say_chance(found.collision_probability) if drawn else "none",
        retries=say_count(found.retries) if drawn else "none",
        retries_last=say_count(found.retries_last) if drawn else "none",
        lasts_years=say_years(found.lasts_years),
        guesses=say_count(found.guesses),
        shortest_length=_say_length(found.shortest_length),
    )
