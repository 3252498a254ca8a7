"""Medians, ratios within rounds, and goals of the measurements over HTTP."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.benchmark import Options, Results, goal_note
from bench.http.point import Point
from bench.http.subjects import GOALS, Goal
from bench.http.wrk import CONNECTIONS
from lab.report.charts.bars import bar_chart
from lab.report.charts.svg import Chart
from lab.report.tables import Table

EMPTY, FLASK = "empty app", "Flask one-liner"
BUSY = 0.9  # share of a core; below it, something other than the server was the limit


@dataclass(frozen=True, slots=True)
class Figure:
    """The median round of one subject."""

    subject: str
    server: str
    per_s: float
    p50_ms: float
    p99_ms: float
    server_busy: float
    cpu_us: dict[str, float]  # CPU time per request, by part
    of_empty: float | None  # share of the empty app's throughput under the same server
    of_flask: float | None


@dataclass(frozen=True, slots=True)
class GoalResult:
    """A goal and the share that was measured."""

    goal: Goal
    share: float

    @property
    def is_met(self) -> bool:
        """Whether the share is large enough."""
        return self.share >= self.goal.share


@dataclass(frozen=True, slots=True)
class HttpResults:
    """Everything, for bench.json."""

    figures: Sequence[Figure]
    goals: Sequence[GoalResult]
    clicks_expected: int
    clicks_counted: int
    points: Sequence[Point]


def describe_points(
    points: Sequence[Point], options: Options, *, expected: int, counted: int
) -> Results:
    """The table, charts and notes of these measurements.

    Args:
        points: of all rounds.
        options: of the run.
        expected: clicks whose redirect was answered.
        counted: clicks in Postgres.
    """
    subjects = list(dict.fromkeys((point.subject, point.server) for point in points))
    figures = [_figure(points, *subject) for subject in subjects]
    reached = [
        GoalResult(goal, share)
        for goal in GOALS
        if (share := share_of(points, goal.subject, goal.beside)) is not None
    ]
    return Results(
        title="Requests over HTTP, one web process",
        table=_table(figures),
        notes=[*_notes(options, expected, counted), *map(_say_goal, reached)],
        charts=[_chart(figures, server) for server in ("gunicorn", "granian")],
        measured=HttpResults(figures, reached, expected, counted, points),
    )


def _chart(figures: Sequence[Figure], server: str) -> Chart:
    """The throughput under one server, beside nginx."""
    shown = [each for each in figures if each.server in {server, "nginx"}]
    bars = [(each.subject if each.server == server else "nginx", each.per_s) for each in shown]
    return bar_chart(f"requests/s under {server}", bars)


def share_of(
    points: Sequence[Point], subject: tuple[str, str], beside: tuple[str, str]
) -> float | None:
    """The ratio of two subjects' throughput: the median over rounds; None if one is missing.

    Args:
        points: of all rounds.
        subject: name and server.
        beside: name and server of the one it is compared with.
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
        ("server", "subject", "requests/s", "p99 ms", "of empty", "of Flask", "core busy"),
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


def _notes(options: Options, expected: int, counted: int) -> list[str]:
    apart = (
        "a core of its own" if options.cores.are_apart else "NO core of its own, so figures are low"
    )
    return [
        (
            f"Median of {options.rounds} rounds of {options.seconds} s each; {CONNECTIONS}"
            f" connections that wait for each answer; the server has {apart}."
        ),
        (
            "of empty, of Flask: ratio to the empty app and to the Flask one-liner, in the same"
            " round and under the same server."
        ),
        (
            f"* below {BUSY:.0%}: the server did not use all of its core, so the load generator, a"
            " database or another program was the limit."
        ),
        f"{counted:,} clicks counted of {expected:,} answered redirects.",
    ]


def _say_goal(result: GoalResult) -> str:
    goal = result.goal
    subject, beside = (f"{name} ({server})" for name, server in (goal.subject, goal.beside))
    wanted = f"{subject} at least {goal.share} of {beside}"
    return goal_note(wanted, f"{result.share:.2f}", met=result.is_met)
