"""The birthday experiment as a table and as an HTML page."""

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
    "Among m possible codes, the first collision comes after about √m codes, long before the code"
    " space is full: each new code may equal any of the earlier ones."
)
_HOW: Final = (
    "Lines are the formulas 1 - exp(-n(n-1)/2m) and n - m(1 - (1 - 1/m)^n) for n codes. Marks are"
    " means over trials with real codes: uniform ones, and truncated SHA-256 hashes of different"
    " URLs."
)
_MARKERS: Final[dict[str, Marker]] = {"random": "circle", "hash": "square"}
_STEPS_PER_DECADE: Final = 12


def as_table(results: Sequence[Measurement]) -> Table:
    """One row per measurement, beside the formulas and the standard errors."""
    rows = [
        (
            *(each.kind, each.length, each.codes, each.trials),
            f"{each.collided:.3f}",
            f"{each.probability:.3f} ± {each.probability_error:.3f}",
            f"{each.collisions:.2f}",
            f"{each.expected:.2f} ± {each.expected_error:.2f}",
            each.agrees,
        )
        for each in results
    ]
    return Table(COLUMNS, rows)


def verdict(results: Sequence[Measurement]) -> str:
    """How many measurements agree with the formulas."""
    agreeing = sum(each.agrees for each in results)
    return (
        f"{agreeing} of {len(results)} points agree: both figures lie within two standard errors of"
        " the formula. By chance, one point in ten or twenty does not, and often several together,"
        " because points of one length share their trials."
    )


def render_report(results: Sequence[Measurement], seed: int) -> str:
    """The page, with a chart for each formula and the table."""
    note = f"Seed {seed}. ± is the standard error of a mean over these trials."
    return render_page(
        "The birthday bound and real codes",
        [
            Section(
                "Probability and number of collisions",
                [_WHY, _HOW, verdict(results)],
                [_probability_chart(results), _collisions_chart(results)],
            ),
            Section("Results", [note], table=as_table(results)),
        ],
    )


def _probability_chart(results: Sequence[Measurement]) -> Chart:
    curves = {
        length: [(n, collision_probability(n, BASE**length)) for n in _numbers(results)]
        for length in LENGTHS
    }
    return line_chart(
        "Probability that any two codes are equal",
        [*_formula_lines(curves), *_marks({each: (each.codes, each.collided) for each in results})],
        x_label="codes made",
        y_label="probability of a collision",
        log_x=True,
    )


def _collisions_chart(results: Sequence[Measurement]) -> Chart:
    seen = [each.collisions for each in results if each.collisions] or [0.01, 1]
    curves = {}
    for length in LENGTHS:
        points = [(n, expected_collisions(n, BASE**length)) for n in _numbers(results)]
        curves[length] = [point for point in points if min(seen) / 2 <= point[1] <= max(seen) * 2]
    return line_chart(
        "Codes that equal an earlier one",
        [
            *_formula_lines(curves),
            *_marks({each: (each.codes, each.collisions) for each in results}),
        ],
        x_label="codes made",
        y_label="collisions",
        log_x=True,
        log_y=True,
    )


def _numbers(results: Sequence[Measurement]) -> list[int]:
    """Numbers of codes to draw the formulas at, evenly spaced on a logarithmic axis."""
    numbers = [each.codes for each in results]
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
    """Marks in the colour of their line; the legend has one neutral mark per kind."""
    marks = [
        Series("", [place], each.length - LENGTHS.start, _MARKERS[each.kind])
        for each, place in places.items()
    ]
    return marks + [Series(f"measured, {kind}", [], None, _MARKERS[kind]) for kind in KINDS]
