"""The races as a table and a page."""

from collections.abc import Sequence
from typing import Final

from lab.races.race import RaceResult
from lab.report.page import Section, render_page
from lab.report.tables import Table

COLUMNS: Final = ("fault", "links", "damaged without", "with", "retries", "the remedy")
_WHY: Final = (
    "Several clients make links at the same time, without and with the remedy. A link is damaged"
    " when somebody was told its code and another link has the same one, or when an error kept it"
    " from being made. At a barrier between reading and writing the clients of the faulty side"
    " wait for each other, so the damage does not depend on luck."
)


def as_table(results: Sequence[RaceResult]) -> Table:
    """One row per race."""
    rows = [
        (
            *(each.name, each.without.attempts, each.without.damaged),
            *(each.with_remedy.damaged, each.with_remedy.retries, each.remedy),
        )
        for each in results
    ]
    return Table(COLUMNS, rows)


def describe_faults(results: Sequence[RaceResult]) -> list[str]:
    """What goes wrong in each race, and where it was seen."""
    return [
        f"{each.name}: {each.goes_wrong}" + (f" ({each.seen_in})" if each.seen_in else "")
        for each in results
    ]


def summarise(results: Sequence[RaceResult]) -> str:
    """Both sums in a sentence."""
    without = sum(each.without.damaged for each in results)
    with_remedy = sum(each.with_remedy.damaged for each in results)
    return f"{without:,} links were damaged without the remedies, {with_remedy:,} with them."


def render_report(results: Sequence[RaceResult]) -> str:
    """The page: the table, and each fault in a sentence."""
    return render_page(
        "Faults of link shorteners, and their remedies",
        [
            Section("Damaged links", [_WHY, summarise(results)], table=as_table(results)),
            Section("What goes wrong", describe_faults(results)),
        ],
    )
