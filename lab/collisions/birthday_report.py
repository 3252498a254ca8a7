"""The birthday experiment as a table and a page."""

from collections.abc import Sequence
from typing import Final

from keygen.base62 import BASE
from lab.collisions.birthday import KINDS, LENGTHS, Measurement
from lab.collisions.birthday_bound import collision_probability, expected_collisions
from lab.report.charts.lines import Marker, Series, line_chart
from lab.report.charts.svg import Chart
from lab.report.page import Section, render_page
from lab.report.tables import Table

COLUMNS: Final = (
    *("codes", "length", "made", "trials", "any collision", "by formula"),
    *("collisions", "by formula", "agrees"),
)
_WHY: Final = (
    "Among m possible codes, the first collision is due after about √m codes, long before the"
    " space is full: every new code meets all earlier ones."
)
_HOW: Final = (
    "Lines are the formulas 1 - exp(-n(n-1)/2m) and n - m(1 - (1 - 1/m)^n) for n codes. Marks are"
    " means over trials with codes really made: uniform ones, and truncated SHA-256 sums of"
    " different URLs."
)
_MARKERS: Final[dict[str, Marker]] = {"random": "circle", "hash": "square"}
_STEPS_PER_DECADE: Final = 12


def as_table(found: Sequence[Measurement]) -> Table:
    """One row per measurement, the formulas with its standard error beside them."""
    rows = [
        (
            *(each.kind, each.length, each.codes, each.trials),
            f"{each.collided:.3f}",
            f"{each.probability:.3f} ± {each.probability_error:.3f}",
            f"{each.collisions:.2f}",
            f"{each.expected:.2f} ± {each.expected_error:.2f}",
            each.agrees,
        )
        for each in found
    ]
    return Table(COLUMNS, rows)


def verdict(found: Sequence[Measurement]) -> str:
    """How many agree, and how many would if the formulas are exact."""
    agreeing = sum(each.agrees for each in found)
    return (
        f"{agreeing} of {len(found)} points agree: both figures lie within two standard errors of"
        " the formula. Chance alone leaves out one point in ten or twenty, and several together:"
        " points of one length share their trials."
    )


def render_report(found: Sequence[Measurement], seed: int) -> str:
    """The page: what was done, both formulas with what was measured, and the numbers."""
    seeded = f"Seed {seed}. ± is the standard error of a mean over so many trials."
    return render_page(
        "The birthday bound, and codes that were made",
        [
            Section(
                "Any collision, and how many",
                [_WHY, _HOW, verdict(found)],
                [_probability_chart(found), _collisions_chart(found)],
            ),
            Section("The numbers", [seeded], table=as_table(found)),
        ],
    )


def _probability_chart(found: Sequence[Measurement]) -> Chart:
    curves = {
        length: [(n, collision_probability(n, BASE**length)) for n in _numbers(found)]
        for length in LENGTHS
    }
    return line_chart(
        "Probability that any two codes are equal",
        [
            *_formula_lines(curves),
            *_marks({each: (each.codes, each.collided) for each in found}),
        ],
        x_label="codes made",
        y_label="probability of a collision",
        log_x=True,
    )


def _collisions_chart(found: Sequence[Measurement]) -> Chart:
    seen = [each.collisions for each in found if each.collisions] or [0.01, 1]
    curves = {}
    for length in LENGTHS:
        points = [(n, expected_collisions(n, BASE**length)) for n in _numbers(found)]
        curves[length] = [point for point in points if min(seen) / 2 <= point[1] <= max(seen) * 2]
    return line_chart(
        "Codes that meet an earlier one",
        [
            *_formula_lines(curves),
            *_marks({each: (each.codes, each.collisions) for each in found}),
        ],
        x_label="codes made",
        y_label="collisions",
        log_x=True,
        log_y=True,
    )


def _numbers(found: Sequence[Measurement]) -> list[int]:
    """Numbers of codes at which to draw the formulas: evenly on a logarithm."""
    numbers = [each.codes for each in found]
    step, number, chosen = 10 ** (1 / _STEPS_PER_DECADE), min(numbers) / 2, []
    while number < max(numbers) * 2:
        chosen.append(round(number))
        number *= step
    return chosen


def _formula_lines(curves: dict[int, list[tuple[int, float]]]) -> list[Series]:
    return [
        Series(f"{length} characters", points, colour=place)
        for place, (length, points) in enumerate(curves.items())
    ]


def _marks(places: dict[Measurement, tuple[float, float]]) -> list[Series]:
    """Marks in the colour of their line; the legend has one neutral key per kind."""
    marks = [
        Series("", [place], each.length - LENGTHS.start, _MARKERS[each.kind])
        for each, place in places.items()
    ]
    return marks + [Series(f"measured, {kind}", [], None, _MARKERS[kind]) for kind in KINDS]
