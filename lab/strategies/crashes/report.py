"""What crashes waste, as a table and a page."""

from collections.abc import Sequence
from typing import Final

from lab.report.charts.lines import Series, line_chart
from lab.report.page import Section, render_page
from lab.report.tables import Table
from lab.strategies.crashes.crash import EXPECTED_SHARE, Waste

COLUMNS: Final = ("range size", "kills", "least", "mean", "most", "expected mean", "agrees")
_WHY: Final = (
    "A process that dies takes with it the rest of its range and, from the moment on at which 20 %"
    " are left, the standby range as well: at a random moment between 0.2 and 1.2 ranges, on"
    " average 0.7. The ids are never used; no link is lost, and no code comes twice."
)
_PRICE: Final = (
    "62⁷ codes are 3.5 million million: a crash an hour for ten years, at 100,000 ids a range,"
    " wastes less than two in a thousand of them."
)


def as_table(found: Sequence[Waste]) -> Table:
    """One row per size, in ids per crash, with the standard error of so many kills."""
    rows = [
        (
            *(each.range_size, each.kills, each.least, round(each.mean), each.most),
            f"{each.expected:,.0f} ± {each.expected_error:,.0f}",
            each.agrees,
        )
        for each in found
    ]
    return Table(COLUMNS, rows)


def render_report(found: Sequence[Waste], seed: int) -> str:
    """The page: why, the picture, the numbers."""
    sizes = [each.range_size for each in found]
    ends = [(size, size * EXPECTED_SHARE) for size in (min(sizes) / 2, max(sizes) * 2)]
    chart = line_chart(
        "Ids wasted per crash",
        [
            Series("expected, 0.7 ranges", ends, 0),
            Series(
                "mean of the kills", [(each.range_size, each.mean) for each in found], 1, "circle"
            ),
            Series("least", [(each.range_size, each.least) for each in found], None, "cross"),
            Series("most", [(each.range_size, each.most) for each in found], None, "square"),
        ],
        x_label="ids per range",
        y_label="ids",
        log_x=True,
        log_y=True,
    )
    seeded = f"Seed {seed}. ± is the standard error of a mean over so many kills."
    return render_page(
        "What a crash wastes",
        [
            Section("By the size of ranges", [_WHY, _PRICE], [chart]),
            Section("The numbers", [seeded], table=as_table(found)),
        ],
    )
