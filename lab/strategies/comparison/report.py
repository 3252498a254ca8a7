"""The comparison as a table and a page."""

from collections.abc import Callable, Sequence
from typing import Final

from lab.report.charts.bars import bar_chart
from lab.report.charts.svg import Chart
from lab.report.charts.ticks import format_number
from lab.report.page import Section, render_page
from lab.report.run_facts import RunFacts
from lab.report.tables import Table
from lab.strategies.comparison.result import Figures
from lab.strategies.crashes.crash import STRATEGY_KILLS, STRATEGY_RANGE_SIZE

SPEED_COLUMNS: Final = (
    *("strategy", "codes/s", "links/s", "round trips/code", "p50 µs", "p99 µs"),
    *("collisions", "most retries", "duplicates"),
)
CODE_COLUMNS: Final = ("strategy", "length", "wasted/crash", "guessable", "by chance", "reveals")
# What somebody learns who sees codes and nothing else.
REVEALS: Final = {
    "counter": "order and number of all links",
    "range": "order, and roughly how many links",
    "permuted": "nothing without the key",
    "stride": "order and number, near enough",
    "random": "nothing",
    "hash": "whether a guessed target was shortened",
    "pool": "nothing",
    "snowflake": "the millisecond, and which worker",
}
_NO_WASTE: Final = "none"
_NOTES: Final = (
    (
        "codes/s: codes made alone, all processes together. links/s: each with its INSERT, which"
        " waits for the disk; every tenth target is the one before it once more, which strategy"
        " hash notices."
    ),
    (
        "Round trips: statements sent to Postgres, counted in the driver, by background threads"
        " too; INSERTs of links are not among them. Latencies are those of a code without its"
        " INSERT."
    ),
    (
        f"wasted/crash: ids granted less codes made, mean of {STRATEGY_KILLS} processes killed with"
        " SIGKILL."
        f" Ranges have {STRATEGY_RANGE_SIZE:,} ids there; while codes are made they grow with the"
        " demand, as in the service."
    ),
    (
        "guessable: share of guesses that hit, for an attacker who has seen 100 codes and knows how"
        " codes are counted. Guesses are 10,000, or half as many as there are codes to find:"
        " links and codes made alone, of snowflakes links only. By chance: the density of the"
        " space, which is what blind guesses hit."
    ),
    (
        "Snowflakes lie as close as links are made: at the rates of this test a worker"
        " makes one in a millisecond or two, and the next milliseconds are good guesses; at ten"
        " links a second they lie 100 ms apart."
    ),
)


def speed_table(found: Sequence[Figures]) -> Table:
    """One row per strategy: how fast it is, and what the INSERT met."""
    rows = [
        (
            *(each.strategy, round(each.codes_per_s), round(each.links_per_s)),
            *(each.round_trips_per_code, each.p50_us, each.p99_us),
            *(each.collisions, each.most_retries, each.duplicates),
        )
        for each in found
    ]
    return Table(SPEED_COLUMNS, rows)


def code_table(found: Sequence[Figures]) -> Table:
    """One row per strategy: what its codes are like."""
    rows = [
        (
            *(each.strategy, each.length),
            _NO_WASTE if each.wasted_per_crash is None else each.wasted_per_crash,
            *(_say_share(each), format_number(each.density), REVEALS[each.strategy]),
        )
        for each in found
    ]
    return Table(CODE_COLUMNS, rows)


def as_text(found: Sequence[Figures], facts: RunFacts) -> str:
    """Everything for a terminal. Two tables, because one would be wider than most terminals."""
    tables = [speed_table(found).as_text(), code_table(found).as_text()]
    return "\n\n".join([*tables, "\n".join([*verdicts(found), describe_facts(facts)])])


def verdicts(found: Sequence[Figures]) -> list[str]:
    """What must hold, and whether it does."""
    lines = [
        f"{each.strategy}: {each.duplicates:,} duplicates got through"
        for each in found
        if each.duplicates
    ] or ["No duplicate got through."]
    blind = [each.strategy for each in found if each.blind and each.guesses]
    if blind:
        lines.append(
            f"Guessed no better than by chance, within three standard errors: {', '.join(blind)}."
        )
    return lines


def describe_facts(facts: RunFacts) -> str:
    """The run in one line."""
    commit = f", commit {facts.commit}" if facts.commit else ""
    return (
        f"{facts.date}{commit}: {facts.processes} processes, at most {facts.codes:,} codes each"
        f" strategy; {facts.cpu}, {facts.cores} cores; Python {facts.python}, PostgreSQL"
        f" {facts.postgres}; {facts.duration_s:.0f} s in all."
    )


def render_report(found: Sequence[Figures], facts: RunFacts) -> str:
    """The page: what was measured where, in pictures and as a table."""
    summary = [*verdicts(found), describe_facts(facts)]
    return render_page(
        "Eight ways to make a short code" if len(found) == len(REVEALS) else "Ways to make codes",
        [
            Section("In pictures", summary, charts=_charts(found)),
            Section("Speed and conflicts", table=speed_table(found)),
            Section("The codes", table=code_table(found)),
            Section("How to read them", _NOTES),
        ],
    )


def _say_share(each: Figures) -> str:
    if each.hits == 0:
        return f"0 of {each.guesses:,}"
    return f"{each.guessable * 100:.3g} %"


def _charts(found: Sequence[Figures]) -> list[Chart]:
    def chart(
        title: str, value: Callable[[Figures], float | None], unit: str = "", *, log: bool = True
    ) -> Chart:
        bars = [(each.strategy, shown) for each in found if (shown := value(each)) is not None]
        return bar_chart(title, bars, unit=unit, log=log)

    return [
        chart("Codes per second, alone", lambda each: each.codes_per_s),
        chart("Links per second, with INSERT", lambda each: each.links_per_s, log=False),
        chart("Median time of a code", lambda each: each.p50_us, "µs"),
        chart("99 % of codes take less than", lambda each: each.p99_us, "µs"),
        chart("Round trips per code", lambda each: each.round_trips_per_code),
        chart("Guesses that hit", lambda each: each.guessable * 100, "%"),
        chart("Ids wasted per crash", lambda each: each.wasted_per_crash, log=False),
    ]
