"""Wasted ids as a table and as an HTML page."""

from collections.abc import Sequence
from typing import Final

from lab.report.charts.lines import Series, line_chart
from lab.report.page import Section, render_page
from lab.report.tables import Table
from lab.strategies.crashes.crash import EXPECTED_SHARE, Waste

COLUMNS: Final = ("range size", "kills", "least", "mean", "most", "expected mean", "agrees")
_WHY: Final = (
    "A process that is killed wastes the rest of its range and, once only 20 % of that is left, its"
    " standby range: between 0.2 and 1.2 ranges at a random moment, 0.7 on average. No link is lost"
    " and no code is given twice."
)
_PRICE: Final = (
    "62⁷ is 3.5 million million codes. A crash per hour for ten years with ranges of 100,000 ids"
    " wastes less than 0.2 % of them."
)


def as_table(results: Sequence[Waste]) -> Table:
    """One row per size, in ids per crash."""
    rows = [
        (
            *(each.range_size, each.kills, each.least, round(each.mean), each.most),
            f"{each.expected:,.0f} ± {each.expected_error:,.0f}",
            each.agrees,
        )
        for each in results
    ]
    return Table(COLUMNS, rows)


def render_report(results: Sequence[Waste], seed: int) -> str:
    """The page, with a chart and the table."""
    sizes = [each.range_size for each in results]
    ends = [(size, size * EXPECTED_SHARE) for size in (min(sizes) / 2, max(sizes) * 2)]
    means = [(each.range_size, each.mean) for each in results]
    chart = line_chart(
        "Ids wasted per crash",
        [
            Series("expected, 0.7 ranges", ends, 0),
            Series("mean of the kills", means, 1, "circle"),
            Series("least", [(each.range_size, each.least) for each in results], None, "cross"),
            Series("most", [(each.range_size, each.most) for each in results], None, "square"),
        ],
        x_label="ids per range",
        y_label="ids",
        log_x=True,
        log_y=True,
    )
    note = f"Seed {seed}. ± is the standard error of a mean over these kills."
    return render_page(
        "What a crash wastes",
        [
            Section("By size of ranges", [_WHY, _PRICE], [chart]),
            Section("Results", [note], table=as_table(results)),
        ],
    )
