"""Renders the results of races as a table and as a report page."""

from collections.abc import Sequence
from typing import Final

from lab.races.race import RaceResult
from lab.report.page import Section, render_page
from lab.report.tables import Table

COLUMNS: Final = ("fault", "links", "damaged without", "with", "retries", "the remedy")
_WHY: Final = (
    "Several clients create links at the same time, without and with the remedy. A link counts as"
    " damaged if a client has received its code but another link has the same code, or if an error"
    " prevented its creation. Without the remedy, the clients wait for each other at a barrier"
    " between reading and writing, so the damage does not depend on luck."
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
    """One sentence per race: its fault, and in which software it was seen."""
    return [
        f"{each.name}: {each.goes_wrong}" + (f" ({each.seen_in})" if each.seen_in else "")
        for each in results
    ]


def summarise(results: Sequence[RaceResult]) -> str:
    """One sentence with the total damage without and with the remedies."""
    without = sum(each.without.damaged for each in results)
    with_remedy = sum(each.with_remedy.damaged for each in results)
    return f"{without:,} links were damaged without the remedies, {with_remedy:,} with them."


def render_report(results: Sequence[RaceResult]) -> str:
    """The report as an HTML page, with the table and a sentence per fault."""
    return render_page(
        "Faults of link shorteners, and their remedies",
        [
            Section("Damaged links", [_WHY, summarise(results)], table=as_table(results)),
            Section("What goes wrong", describe_faults(results)),
        ],
    )
