"""The options and the results of a benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.machine import Cores
from lab.report.charts.svg import Chart
from lab.report.tables import Table


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how often to measure."""

    cores: Cores
    seconds: int  # of load per measurement
    rounds: int  # each round takes every measurement once
    full: bool  # include what takes many minutes


@dataclass(frozen=True, slots=True)
class Results:
    """What a benchmark measured."""

    title: str
    table: Table
    notes: Sequence[str]
    charts: Sequence[Chart]
    measured: object  # everything, for bench.json


def goal_note(goal: str, found: str, *, met: bool) -> str:
    """A note that sets a result against its goal."""
    return f"Goal: {goal}: {found}, {'reached' if met else 'missed'}."
