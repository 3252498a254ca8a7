"""What a section of the bench is asked for, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.machine import Cores
from lab.report.charts.svg import Chart
from lab.report.tables import Table


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    cores: Cores
    seconds: int  # of load at each point
    rounds: int  # each point is measured so often, all points in turn
    full: bool  # also what takes many minutes


@dataclass(frozen=True, slots=True)
class Findings:
    """What a section has measured."""

    title: str
    table: Table
    notes: Sequence[str]
    charts: Sequence[Chart]
    measured: object  # everything, for the JSON
