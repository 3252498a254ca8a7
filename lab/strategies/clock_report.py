"""Renders the results of clock steps as a table and as a report page."""

from collections.abc import Sequence
from typing import Final

from lab.report.page import Section, render_page
from lab.report.tables import Table
from lab.strategies.clock_steps import ClockResult

COLUMNS: Final = (
    *("clock step", "naive codes", "duplicates", "hop's codes", "duplicates"),
    "hop's reaction",
)
_WHY: Final = (
    "After a step back, a naive snowflake generates the same ids again. hop's snowflake leases a"
    " worker id for an interval of its clock: it waits out a small step, takes another worker id"
    " after a large one, and refuses to generate codes if no worker id is left. The clocks are"
    " simulated."
)


def as_table(found: Sequence[ClockResult]) -> Table:
    """One row per clock step."""
    rows = [
        (
            *(each.case, each.naive_codes, each.naive_duplicates),
            *(each.codes, each.duplicates, each.did),
        )
        for each in found
    ]
    return Table(COLUMNS, rows)


def summarise(found: Sequence[ClockResult]) -> str:
    """One sentence with the total duplicates of the naive snowflake and of hop's."""
    naive = sum(each.naive_duplicates for each in found)
    ours = sum(each.duplicates for each in found)
    return f"The naive snowflake generated {naive:,} duplicates, hop's {ours:,}."


def render_report(found: Sequence[ClockResult]) -> str:
    """The report as an HTML page."""
    return render_page(
        "Snowflakes while the clock steps back",
        [Section("Duplicates", [_WHY, summarise(found)], table=as_table(found))],
    )
