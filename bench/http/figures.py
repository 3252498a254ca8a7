"""What the measurements over HTTP come to: medians, ratios within rounds, goals."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.benchmark import Findings, Plan
from bench.http.point import Point
from bench.http.subjects import GOALS, Goal
from bench.http.wrk import CONNECTIONS
from lab.report.charts.bars import bar_chart
from lab.report.charts.svg import Chart
from lab.report.tables import Table

EMPTY, FLASK = "empty app", "Flask one-liner"
# Below this, something else than the server was the limit.
BUSY = 0.9


@dataclass(frozen=True, slots=True)
class Figure:
    """The median round of one subject."""

    subject: str
    server: str
    per_s: float
    p50_ms: float
    p99_ms: float
    server_busy: float
    cpu_us: dict[str, float]  # of processor time per request, by who used it
    of_empty: float | None  # share of what the empty app does under the same server
    of_flask: float | None


@dataclass(frozen=True, slots=True)
class Reached:
    """A goal, and what came of it."""

    goal: Goal
    share: float

    @property
    def is_met(self) -> bool:
        """Whether the share is as large as it should be."""
        return self.share >= self.goal.share


@dataclass(frozen=True, slots=True)
class HttpMeasured:
    """Everything, for the JSON."""

    figures: Sequence[Figure]
    goals: Sequence[Reached]
    clicks_expected: int
    clicks_counted: int
    points: Sequence[Point]


def describe_points(
    points: Sequence[Point], plan: Plan, *, expected: int, counted: int
) -> Findings:
    """The section's table, chart and notes."""
    subjects = list(dict.fromkeys((point.subject, point.server) for point in points))
    figures = [_figure(points, *subject) for subject in subjects]
    reached = [
        Reached(goal, share)
        for goal in GOALS
        if (share := share_of(points, goal.subject, goal.beside)) is not None
    ]
    return Findings(
        title="Requests over HTTP, one web process",
        table=_table(figures),
        notes=[*_notes(plan, expected, counted), *map(_say_goal, reached)],
        charts=[_chart(figures, server) for server in ("gunicorn", "granian")],
        measured=HttpMeasured(figures, reached, expected, counted, points),
    )


def _chart(figures: Sequence[Figure], server: str) -> Chart:
    """One server's figures, beside those of nginx."""
    shown = [each for each in figures if each.server in {server, "nginx"}]
    bars = [(each.subject if each.server == server else "nginx", each.per_s) for each in shown]
    return bar_chart(f"requests/s under {server}", bars)


def share_of(
    points: Sequence[Point], subject: tuple[str, str], beside: tuple[str, str]
) -> float | None:
    """How much of one subject's throughput another has: the median over rounds; None: not measured.

    Args:
        points: of all rounds.
        subject: its name and server.
        beside: of the one it is compared with.
    """
    ours, theirs = _rates(points, subject), _rates(points, beside)
    shares = [ours[number] / theirs[number] for number in ours.keys() & theirs.keys()]
    return statistics.median(shares) if shares else None


def _rates(points: Sequence[Point], subject: tuple[str, str]) -> dict[int, float]:
    return {each.round: each.per_s for each in points if (each.subject, each.server) == subject}


def _figure(points: Sequence[Point], subject: str, server: str) -> Figure:
    ours = [each for each in points if (each.subject, each.server) == (subject, server)]
    is_wsgi = server != "nginx"
    return Figure(
        subject=subject,
        server=server,
        per_s=statistics.median(each.per_s for each in ours),
        p50_ms=statistics.median(each.p50_ms for each in ours),
        p99_ms=statistics.median(each.p99_ms for each in ours),
        server_busy=statistics.median(each.server_busy for each in ours),
        cpu_us={
            name: statistics.median(each.cpu_s[name] * 1e6 / max(each.requests, 1) for each in ours)
            for name in ours[0].cpu_s
        },
        of_empty=share_of(points, (subject, server), (EMPTY, server)) if is_wsgi else None,
        of_flask=share_of(points, (subject, server), (FLASK, server)) if is_wsgi else None,
    )


def _table(figures: Sequence[Figure]) -> Table:
    return Table(
        ("server", "asked", "requests/s", "p99 ms", "of empty", "of Flask", "core busy"),
        [
            (
                *(each.server, each.subject, round(each.per_s), each.p99_ms),
                *(_say_share(each.of_empty), _say_share(each.of_flask)),
                f"{each.server_busy:.0%}{'' if each.server_busy >= BUSY else ' *'}",
            )
            for each in figures
        ],
    )


def _say_share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _notes(plan: Plan, expected: int, counted: int) -> list[str]:
    apart = "a core of its own" if plan.cores.are_apart else "NO core of its own: figures are low"
    return [
        (
            f"Median of {plan.rounds} rounds of {plan.seconds} s each, {CONNECTIONS} connections,"
            f" each waiting for its answer; the server has {apart}."
        ),
        (
            "of empty, of Flask: shares of the empty app and the Flask one-liner in the same round"
            " under the same server."
        ),
        (
            f"* below {BUSY:.0%}: the server did not get all of its core, or did not need it. Then"
            " the load generator, a database or another program was the limit."
        ),
        f"{counted:,} clicks counted of {expected:,} redirects whose answer was seen.",
    ]


def _say_goal(reached: Reached) -> str:
    goal = reached.goal
    subject, beside = (f"{name} ({server})" for name, server in (goal.subject, goal.beside))
    verdict = "reached" if reached.is_met else "missed"
    return f"Goal: {subject} at least {goal.share} of {beside}: {reached.share:.2f}, {verdict}."
