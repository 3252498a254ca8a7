"""A load test as text for a terminal, and as one page."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lab.load.plan import UNKNOWN
from lab.load.results.result import Machine, Result
from lab.report.charts.lines import Series, line_chart
from lab.report.charts.svg import Chart
from lab.report.page import Section, render_page
from lab.report.report_files import as_json
from lab.report.tables import Table

_COLUMNS: Final = (
    *("request", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"),
    *("per second", "asked", "errors"),
)
_SPACING: Final = {"poisson": "by chance (Poisson)", "even": "evenly spaced"}
_NOTES: Final = (
    (
        "Response times count from the moment at which a request was due, not from when it was"
        " sent: visitors do not wait for each other, so a stall meets everybody who comes in the"
        " meantime. They hold two parts: how late the generator was to send (start delay), and how"
        " long hop took (service). The verdict is about the sum; hop is blamed only if the"
        " generator was not late itself."
    ),
    (
        "Percentiles are exact: the smallest measured time that so many requests did not exceed."
        " Wrong answers count as errors, not as fast answers."
    ),
)


def as_text(result: Result) -> str:
    """Everything but the charts."""
    parts = [latency_table(result).as_text(), *describe(result)]
    return "\n".join([*parts[:1], "", *parts[1:], result.verdict.line])


def describe(result: Result) -> list[str]:
    """A sentence for each thing that the table does not hold."""
    return [*_describe_generator(result), *_describe_answers(result), *_describe_server(result)]


def latency_table(result: Result) -> Table:
    """One row for each kind of request."""
    rows = [
        (
            *(row.kind, row.p50_ms, row.p90_ms, row.p99_ms, row.p999_ms, row.max_ms),
            *(row.per_s, row.requests, row.errors),
        )
        for row in result.figures
    ]
    return Table(_COLUMNS, rows)


def write_files(result: Result, directory: Path) -> Path:
    """Write load.html and load.json; returns the page.

    Raises:
        OSError: the directory cannot be written to.
    """
    page = directory / "load.html"
    page.write_text(render(result), encoding="utf-8")
    (directory / "load.json").write_text(as_json(result), encoding="utf-8")
    return page


def render(result: Result) -> str:
    """The page."""
    plan = result.plan
    title = f"Load test: {result.verdict.outcome}"
    warm_up = f" after {plan.warm_up_s} s of warm-up" if plan.warm_up_s else ""
    asked = (
        f"Profile {plan.profile}: {plan.rate:,} redirects a second for {plan.duration_s} s"
        f"{warm_up}, arrivals {_SPACING[plan.spacing]};"
        f" p99 to be under {plan.p99_ms:g} ms."
    )
    return render_page(
        title,
        [
            Section(result.verdict.line, [asked, *describe(result)], charts=_charts(result)),
            Section("Latency and throughput", table=latency_table(result)),
            Section("Service and start delay", table=_parts_table(result)),
            Section("How to read them", _NOTES),
            Section("Machine", [_describe_machine(result.machine)]),
        ],
    )


def _parts_table(result: Result) -> Table:
    columns = ("request", "service p50 ms", "service p99 ms", "start delay p99 ms")
    rows = [
        (row.kind, row.service_p50_ms, row.service_p99_ms, row.start_delay_p99_ms)
        for row in result.figures
    ]
    return Table(columns, rows)


def _describe_generator(result: Result) -> Iterator[str]:
    late_ms = max((row.start_delay_p99_ms for row in result.figures), default=0.0)
    yield (
        f"Generator: 99 % of requests were sent at most {late_ms:.1f} ms late;"
        f" {100 * result.generator_cpu:.0f} % of a core."
    )


def _describe_answers(result: Result) -> Iterator[str]:
    statuses = ", ".join(f"{count:,} with {status}" for status, count in result.statuses.items())
    yield f"Answers: {statuses or 'none'}."
    if any(row.kind == UNKNOWN for row in result.figures):
        yield (
            f"Unknown codes: {result.statuses.get('404', 0):,} got 404,"
            f" {result.statuses.get('429', 0):,} were told to slow down (429)."
        )
    for error, count in result.errors.items():
        yield f"Error in {error} ({count:,} times)."


def _describe_server(result: Result) -> Iterator[str]:
    if result.tiers is None:
        yield "Hit rate per tier: unknown (set HOP_API_KEY; needs GET /metrics)."
    else:
        total = sum(result.tiers.values()) or 1
        shares = (f"{tier} {100 * count / total:.1f} %" for tier, count in result.tiers.items())
        yield f"Hit rate per tier: {', '.join(shares)}."
    if result.cpu_s is not None and result.cpu_ms_per_redirect is not None:
        parts = ", ".join(f"{part} {used:.1f} s" for part, used in result.cpu_s.items())
        yield f"CPU time: {parts}; {result.cpu_ms_per_redirect:.2f} ms for each redirect."


def _describe_machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    commit = f", commit {machine.commit}" if machine.commit else ""
    return (
        f"{machine.date}{commit}: {machine.cpu}, {machine.cores} cores, {machine.system};"
        f" {versions}."
    )


def _charts(result: Result) -> Sequence[Chart]:
    ends = (0.0, float(result.plan.duration_s))
    seconds = result.seconds

    def flat(label: str, value: float) -> Series:
        return Series(label, [(x, value) for x in ends], dashed=True)

    latencies = [
        Series("p50", [(each.second, each.p50_ms) for each in seconds if each.p50_ms], 0),
        Series("p99", [(each.second, each.p99_ms) for each in seconds if each.p99_ms], 1),
        Series("max", [(each.second, each.max_ms) for each in seconds if each.max_ms], 6),
        flat("limit of p99", result.plan.p99_ms),
    ]
    throughput = [
        Series("answered", [(each.second, each.answered) for each in seconds], 0),
        Series("errors", [(each.second, each.errors) for each in seconds], 4),
        flat("asked for", result.plan.rate),
    ]
    return [
        line_chart(
            "Response time of redirects",
            latencies,
            x_label="second of the run",
            y_label="ms, from when they were due (logarithmic)",
            log_y=True,
        ),
        line_chart(
            "Answered redirects",
            throughput,
            x_label="second of the run",
            y_label="redirects per second",
        ),
    ]
