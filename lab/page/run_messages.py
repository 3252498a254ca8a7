"""What the page and the server say to each other about runs."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from flask import url_for
from msgspec import Meta

from keygen.strategies import StrategyName
from lab.page.explanations import EXPLANATIONS
from lab.page.run_files import REPORT_FILES, Progress, Run, State

LEAST_CODES: Final = 1_000
MOST_CODES: Final = 100_000
MOST_PROCESSES: Final = 4


class RunRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be measured."""

    strategies: Annotated[list[StrategyName], Meta(min_length=1, max_length=len(EXPLANATIONS))]
    codes: Annotated[int, Meta(ge=LEAST_CODES, le=MOST_CODES)] = 10_000
    processes: Annotated[int, Meta(ge=1, le=MOST_PROCESSES)] = 2


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The body `{}`."""


class RunAnswer(msgspec.Struct):
    """A run as the page sees it; `files` are the addresses of a finished run's report."""

    id: str
    state: State
    message: str | None
    started_at: datetime
    strategies: list[StrategyName]
    codes: int
    processes: int
    progress: Progress | None
    files: dict[str, str]


class RunsAnswer(msgspec.Struct):
    """The runs that are kept, the latest first."""

    runs: list[RunAnswer]


def describe_run(run: Run) -> RunAnswer:
    """A run, with addresses as the present request would reach them."""
    asked, files = run.asked, {}
    if run.end.state == "finished":
        for name in REPORT_FILES:
            address = url_for("lab.show_report", run_id=run.id, name=name, ticket=asked.ticket)
            files[name.rpartition(".")[2]] = address
    return RunAnswer(
        id=run.id,
        state=run.end.state,
        message=run.end.message,
        started_at=asked.started_at,
        strategies=asked.strategies,
        codes=asked.codes,
        processes=asked.processes,
        progress=run.progress,
        files=files,
    )
