"""The progress of `hop load`: one updated line on a terminal, a line every 5 s elsewhere."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import click

from lab.load.plan import LoadPlan
from lab.load.results.latency import select_redirects
from lab.load.samples import Sample
from lab.report.quantiles import quantile

_PLAIN_EVERY_S: Final = 5.0
_ON_TERMINAL_EVERY_S: Final = 1.0


class ProgressLine:
    """Shows rate, p99, errors and time left on standard error."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._times_ms: list[float] = []
        self._errors = 0
        self._recent = 0
        self._shown_s = 0.0
        self._on_terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the updated line."""
        if self._on_terminal:
            click.echo(err=True)

    def show(self, new: Sequence[Sample], elapsed_s: float) -> None:
        """Add samples; print if the interval is over."""
        answered = [each.response_ms for each in select_redirects(new) if not each.error]
        self._times_ms += answered
        self._recent += len(answered)
        self._errors += sum(bool(each.error) for each in new)
        every_s = _ON_TERMINAL_EVERY_S if self._on_terminal else _PLAIN_EVERY_S
        since_s = elapsed_s - self._shown_s
        if since_s < every_s:
            return
        text = self._describe(self._recent / since_s, elapsed_s)
        click.echo(
            f"\r\x1b[K{text}" if self._on_terminal else text, nl=not self._on_terminal, err=True
        )
        self._shown_s, self._recent = elapsed_s, 0

    def _describe(self, rate: float, elapsed_s: float) -> str:
        # Cheap: all but the latest times are sorted already.
        self._times_ms.sort()
        left_s = max(0.0, self._plan.duration_s - elapsed_s)
        return (
            f"{rate:,.0f} redirects/s  p99 {quantile(self._times_ms, 990):.1f} ms"
            f"  {self._errors:,} errors  {left_s:.0f} s left"
        )
