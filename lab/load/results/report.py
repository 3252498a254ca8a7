"""The result of a load test as text and as an HTML page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab.load.plan import UNKNOWN
from lab.load.results.result import LoadResult, Machine
from lab.report.charts.lines import Series, line_chart
from lab.report.charts.svg import Chart
from lab.report.page import Section, render_page
from lab.report.report_files import as_json
from lab.report.tables import Table

_COLUMNS: Final = (
    *("request", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"),
    *("per second", "due", "errors"),
)
_SPACING: Final = {"poisson": "at random (Poisson)", "even": "evenly spaced"}
_NOTES: Final = (
    (
        "Response times count from the moment when a request was due, not from when it was sent:"
        " visitors do not wait for each other, so everyone who comes during a stall meets it. A"
        " response time is the start delay (how late the generator sent the request) plus the"
        " service time (how long hop took). The verdict is about the sum; a slow run is blamed on"
        " hop only if the generator was in time."
    ),
    (
        "Percentiles are exact: the smallest measured time that this share of requests did not"
        " exceed. A wrong response counts as an error, not as a fast response."
    ),
)


def as_text(result: LoadResult) -> str:
    """The table, the remarks and the verdict."""
    table = _latency_table(result).as_text()
    return "\n".join([table, "", *_describe(result), result.verdict.line])


def write_files(result: LoadResult, directory: Path) -> Path:
    """Write load.html and load.json; returns the path of the page.

    Raises:
        OSError: the directory cannot be written to.
    """
    page = directory / "load.html"
    page.write_text(_render(result), encoding="utf-8")
    (directory / "load.json").write_text(as_json(result), encoding="utf-8")
    return page


def _render(result: LoadResult) -> str:
    plan = result.plan
    warm_up = f" after {plan.warm_up_s} s of warm-up" if plan.warm_up_s else ""
    described = (
        f"Profile {plan.profile}: {plan.rate:,} redirects per second for {plan.duration_s} s"
        f"{warm_up}, arrivals {_SPACING[plan.spacing]}; limit of p99: {plan.p99_ms:g} ms."
    )
    return render_page(
        f"Load test: {result.verdict.outcome}",
        [
            Section(result.verdict.line, [described, *_describe(result)], charts=_charts(result)),
            Section("Latency and throughput", table=_latency_table(result)),
            Section("Service time and start delay", table=_service_table(result)),
            Section("How to read this", _NOTES),
            Section("Machine", [_describe_machine(result.machine)]),
        ],
    )


def _latency_table(result: LoadResult) -> Table:
    rows = [
        (
            *(row.kind, row.p50_ms, row.p90_ms, row.p99_ms, row.p999_ms, row.max_ms),
            *(row.per_s, row.requests, row.errors),
        )
        for row in result.figures
    ]
    return Table(_COLUMNS, rows)


def _service_table(result: LoadResult) -> Table:
    columns = ("request", "service p50 ms", "service p99 ms", "start delay p99 ms")
    rows = [
        (row.kind, row.service_p50_ms, row.service_p99_ms, row.start_delay_p99_ms)
        for row in result.figures
    ]
    return Table(columns, rows)


def _describe(result: LoadResult) -> list[str]:
    """Sentences about what the table does not show."""
    late_ms = max((row.start_delay_p99_ms for row in result.figures), default=0.0)
    generator = (
        f"Generator: 99 % of requests were sent at most {late_ms:.1f} ms late;"
        f" {100 * result.generator_cpu:.0f} % of a core."
    )
    return [generator, *_describe_responses(result), *_describe_server(result)]


def _describe_responses(result: LoadResult) -> Iterator[str]:
    statuses = ", ".join(f"{count:,} with {status}" for status, count in result.statuses.items())
    yield f"Responses: {statuses or 'none'}."
    if any(row.kind == UNKNOWN for row in result.figures):
        yield (
            f"Unknown codes: {result.statuses.get('404', 0):,} responses with 404,"
            f" {result.statuses.get('429', 0):,} with 429 (rate limit)."
        )
    for error, count in result.errors.items():
        yield f"Error in {error} ({count:,} times)."


def _describe_server(result: LoadResult) -> Iterator[str]:
    if result.tiers is None:
        yield "Hit rate per tier: unknown (GET /metrics needs HOP_API_KEY)."
    else:
        total = sum(result.tiers.values()) or 1
        shares = (f"{tier} {100 * count / total:.1f} %" for tier, count in result.tiers.items())
        yield f"Hit rate per tier: {', '.join(shares)}."
    if result.cpu_s is not None and result.cpu_ms_per_redirect is not None:
        parts = ", ".join(f"{part} {used:.1f} s" for part, used in result.cpu_s.items())
        yield f"CPU time: {parts}; {result.cpu_ms_per_redirect:.2f} ms per redirect."


def _describe_machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    commit = f", commit {machine.commit}" if machine.commit else ""
    return (
        f"{machine.date}{commit}: {machine.cpu}, {machine.cores} cores, {machine.system};"
        f" {versions}."
    )


def _charts(result: LoadResult) -> list[Chart]:
    ends = (0.0, float(result.plan.duration_s))
    seconds = result.seconds

    def limit(label: str, value: float) -> Series:
        return Series(label, [(x, value) for x in ends], dashed=True)

    latencies = [
        Series("p50", [(each.second, each.p50_ms) for each in seconds if each.p50_ms], 0),
        Series("p99", [(each.second, each.p99_ms) for each in seconds if each.p99_ms], 1),
        Series("max", [(each.second, each.max_ms) for each in seconds if each.max_ms], 6),
        limit("limit of p99", result.plan.p99_ms),
    ]
    throughput = [
        Series("answered", [(each.second, each.answered) for each in seconds], 0),
        Series("errors", [(each.second, each.errors) for each in seconds], 4),
        limit("planned", result.plan.rate),
    ]
    return [
        line_chart(
            "Response time of redirects",
            latencies,
            x_label="second of the run",
            y_label="ms from the due time (logarithmic)",
            log_y=True,
        ),
        line_chart(
            "Answered redirects",
            throughput,
            x_label="second of the run",
            y_label="redirects per second",
        ),
    ]
