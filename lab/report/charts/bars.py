"""Bar charts."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from lab.report.charts.svg import CHARACTER, COLOURS, WIDTH, Chart, draw, write
from lab.report.charts.ticks import format_number, scale_for

_ROW: Final = 24
_LONGEST_LABEL: Final = 20


def bar_chart(
    title: str, bars: Sequence[tuple[str, float]], *, unit: str = "", log: bool = False
) -> Chart:
    """A horizontal bar per label, with its value; values of 0 or less have no bar.

    On a logarithmic scale, bars start at the power of ten below the smallest value.
    """
    scale = scale_for((max(value, 0) for _, value in bars), log=log)
    longest = min(max((len(label) for label, _ in bars), default=0), _LONGEST_LABEL)
    left = longest * CHARACTER + 10
    values = [f"{format_number(value)} {unit}".strip() for _, value in bars]
    room = max((len(value) for value in values), default=0) * CHARACTER + 8
    parts = []
    for row, ((label, value), text) in enumerate(zip(bars, values, strict=True)):
        share = min(scale.place(value), 1) if value > 0 else 0
        parts.append(_bar(row * _ROW, left, share * (WIDTH - left - room), label, text))
    if log:
        parts.append(write(WIDTH, len(bars) * _ROW + 12, "logarithmic scale", anchor="end"))
    return draw(title, parts, len(bars) * _ROW + (18 if log else 0))


def _bar(top: float, left: float, length: float, label: str, value: str) -> Markup:
    name = label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
    bar = Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="16" rx="2" fill="{}">'
        "<title>{}: {}</title></rect>"
    ).format(left, top + 3, length, COLOURS[0], label, value)
    number = write(left + length + 6, top + 15, value)
    return write(left - 8, top + 15, name, anchor="end") + bar + number
