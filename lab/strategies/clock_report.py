"""Clock steps as a table and a page."""

from collections.abc import Sequence
from typing import Final

from lab.report.page import Section, render_page
from lab.report.tables import Table
from lab.strategies.clock_steps import ClockResult

COLUMNS: Final = (
    *("clock step", "naive codes", "duplicates", "hop's", "duplicates"),
    "hop's reaction",
)
_WHY: Final = (
    "A naive snowflake repeats the ids of the repeated time. hop's leases a worker id for an"
    " interval of its clock: it waits out a small step, takes another worker id after a large one,"
    " and refuses to make codes when no worker id is left. The clocks are simulated."
)


def as_table(found: Sequence[ClockResult]) -> Table:
    """One row per case."""
    rows = [
        (
            *(each.case, each.naive_codes, each.naive_duplicates),
            *(each.codes, each.duplicates, each.did),
        )
        for each in found
    ]
    return Table(COLUMNS, rows)


def summarise(found: Sequence[ClockResult]) -> str:
    """Both sums in a sentence."""
    naive = sum(each.naive_duplicates for each in found)
    ours = sum(each.duplicates for each in found)
    return f"The naive snowflakes made {naive:,} duplicates, hop's made {ours:,}."


def render_report(found: Sequence[ClockResult]) -> str:
    """The page: why, and the table."""
    return render_page(
        "Snowflakes while the clock steps back",
        [Section("Duplicates", [_WHY, summarise(found)], table=as_table(found))],
    )
