"""The comparison as text and as an HTML page."""

from collections.abc import Callable, Sequence
from typing import Final

from lab.report.charts.bars import bar_chart
from lab.report.charts.svg import Chart
from lab.report.charts.ticks import format_number
from lab.report.page import Section, render_page
from lab.report.run_facts import RunFacts
from lab.report.tables import Table
from lab.strategies.comparison.result import StrategyResult
from lab.strategies.crashes.crash import STRATEGY_KILLS, STRATEGY_RANGE_SIZE

SPEED_COLUMNS: Final = (
    *("strategy", "codes/s", "links/s", "round trips/code", "p50 µs", "p99 µs"),
    *("collisions", "most retries", "duplicates"),
)
CODE_COLUMNS: Final = ("strategy", "length", "wasted/crash", "guessable", "by chance", "reveals")
# To someone who sees nothing but codes.
REVEALS: Final = {
    "counter": "order and number of all links",
    "range": "order and approximate number",
    "permuted": "nothing without the permutation key",
    "stride": "order and approximate number",
    "random": "nothing",
    "hash": "whether a guessed target was shortened",
    "pool": "nothing",
    "snowflake": "the millisecond and the worker id",
}
_NOTES: Final = (
    (
        "codes/s: codes without links, all processes together. links/s: codes with their INSERT,"
        " which waits for the disk. Every tenth target repeats the one before, which strategy hash"
        " notices."
    ),
    (
        "Round trips: statements that strategies send to Postgres, in background threads as well,"
        " counted in the driver. p50 and p99: latency of a code without its INSERT."
    ),
    (
        f"wasted/crash: ids granted minus codes created, mean over {STRATEGY_KILLS} processes"
        f" killed with SIGKILL. Ranges have {STRATEGY_RANGE_SIZE:,} ids here; in the other columns"
        " they grow with demand, as in hop."
    ),
    (
        "guessable: share of guesses that hit, for an attacker who has seen 100 codes and knows the"
        " strategies. There are 10,000 guesses, or half as many as there are codes to find. by"
        " chance: the density of the code space, which blind guesses hit."
    ),
    (
        "Snowflakes lie as close as links are created. At the rates of this test a worker creates"
        " one every millisecond or two, so the next milliseconds are good guesses; at ten links per"
        " second they lie 100 ms apart."
    ),
)


def as_text(results: Sequence[StrategyResult], facts: RunFacts) -> str:
    """Two tables, as one would be too wide for most terminals, then the verdicts."""
    tables = [speed_table(results).as_text(), code_table(results).as_text()]
    return "\n\n".join([*tables, "\n".join([*_verdicts(results), _describe_facts(facts)])])


def render_report(results: Sequence[StrategyResult], facts: RunFacts) -> str:
    """The page, with charts and tables."""
    is_full = len(results) == len(REVEALS)
    summary = [*_verdicts(results), _describe_facts(facts)]
    return render_page(
        "Eight ways to make a short code" if is_full else "Ways to make short codes",
        [
            Section("Charts", summary, charts=_charts(results)),
            Section("Speed and conflicts", table=speed_table(results)),
            Section("Properties of the codes", table=code_table(results)),
            Section("How to read this", _NOTES),
        ],
    )


def speed_table(results: Sequence[StrategyResult]) -> Table:
    """Rates, latencies and conflicts of each strategy."""
    rows = [
        (
            *(each.strategy, round(each.codes_per_s), round(each.links_per_s)),
            *(each.round_trips_per_code, each.p50_us, each.p99_us),
            *(each.collisions, each.most_retries, each.duplicates),
        )
        for each in results
    ]
    return Table(SPEED_COLUMNS, rows)


def code_table(results: Sequence[StrategyResult]) -> Table:
    """Length, waste and predictability of each strategy's codes."""
    rows = [
        (
            *(each.strategy, each.length),
            "none" if each.wasted_per_crash is None else each.wasted_per_crash,
            *(_describe_hits(each), format_number(each.density), REVEALS[each.strategy]),
        )
        for each in results
    ]
    return Table(CODE_COLUMNS, rows)


def _verdicts(results: Sequence[StrategyResult]) -> list[str]:
    lines = [
        f"{each.strategy}: {each.duplicates:,} duplicates got through"
        for each in results
        if each.duplicates
    ] or ["No duplicate got through."]
    blind = [each.strategy for each in results if each.blind and each.guesses]
    if blind:
        lines.append(
            f"Guessed no better than by chance, within three standard errors: {', '.join(blind)}."
        )
    return lines


def _describe_facts(facts: RunFacts) -> str:
    commit = f", commit {facts.commit}" if facts.commit else ""
    return (
        f"{facts.date}{commit}: {facts.processes} processes, at most {facts.codes:,} codes per"
        f" strategy; {facts.cpu}, {facts.cores} cores; Python {facts.python}, PostgreSQL"
        f" {facts.postgres}; {facts.duration_s:.0f} s in total."
    )


def _describe_hits(result: StrategyResult) -> str:
    if result.hits == 0:
        return f"0 of {result.guesses:,}"
    return f"{result.guessable * 100:.3g} %"


def _charts(results: Sequence[StrategyResult]) -> list[Chart]:
    def chart(
        title: str,
        value: Callable[[StrategyResult], float | None],
        unit: str = "",
        *,
        log: bool = True,
    ) -> Chart:
        bars = [(each.strategy, shown) for each in results if (shown := value(each)) is not None]
        return bar_chart(title, bars, unit=unit, log=log)

    return [
        chart("Codes per second, without links", lambda each: each.codes_per_s),
        chart("Links per second, with INSERT", lambda each: each.links_per_s, log=False),
        chart("Median latency of a code", lambda each: each.p50_us, "µs"),
        chart("99th percentile of a code's latency", lambda each: each.p99_us, "µs"),
        chart("Round trips per code", lambda each: each.round_trips_per_code),
        chart("Guesses that hit", lambda each: each.guessable * 100, "%"),
        chart("Ids wasted per crash", lambda each: each.wasted_per_crash, log=False),
    ]
