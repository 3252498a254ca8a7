"""Line charts with marks: lines for formulas, marks for measurements.

Marks differ in shape as well, for readers who cannot tell colours apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from lab.report.charts.svg import CHARACTER, COLOURS, WIDTH, Chart, draw, write
from lab.report.charts.ticks import Scale, format_number, scale_for

_PLOT_HEIGHT: Final = 190
_LEFT, _RIGHT, _TOP, _BELOW = 48, 14, 26, 40
_ROW: Final = 18

Marker = Literal["", "circle", "square", "cross"]


@dataclass(frozen=True, slots=True)
class Series:
    """Points, drawn as marks if there is a marker, else as a line.

    `colour` is an index into COLOURS, or None for the text's colour. A series without a label is
    not in the legend; one without points is only in the legend.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: int | None = None
    marker: Marker = ""
    dashed: bool = False

    @property
    def paint(self) -> str:
        """The colour as an SVG value."""
        return "currentColor" if self.colour is None else COLOURS[self.colour % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class _Plot:
    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The position of a point in the image."""
        across = _LEFT + self.x.place(x) * (WIDTH - _LEFT - _RIGHT)
        return across, _TOP + (1 - self.y.place(y)) * _PLOT_HEIGHT

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is inside the plot; 0 is not on a logarithmic scale."""
        return self.x.low <= x <= self.x.high and self.y.low <= y <= self.y.high


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
) -> Chart:
    """Lines and marks over two axes; logarithmic axes leave out values of 0 or less."""
    points = [point for each in series for point in each.points]
    plot = _Plot(
        scale_for((x for x, _ in points), log=log_x), scale_for((y for _, y in points), log=log_y)
    )
    legend, legend_height = _legend(series, _TOP + _PLOT_HEIGHT + _BELOW)
    parts = [*_axes(plot, x_label, y_label)]
    # Lines come first, so that they hide no mark.
    parts += [_line(plot, each) for each in series if not each.marker]
    parts += [mark for each in series if each.marker for mark in _marks(plot, each)]
    return draw(title, [*parts, legend], _TOP + _PLOT_HEIGHT + _BELOW + legend_height)


def _axes(plot: _Plot, x_label: str, y_label: str) -> Iterator[Markup]:
    bottom, right = _TOP + _PLOT_HEIGHT, WIDTH - _RIGHT
    grid = Markup(
        '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="currentColor" stroke-opacity="{}"/>'
    )
    for value, label in plot.y.ticks():
        _, y = plot.at(plot.x.low, value)
        yield grid.format(_LEFT, y, right, y, 0.15)
        yield write(_LEFT - 6, y + 4, label, anchor="end")
    for value, label in plot.x.ticks(most=8):
        x, _ = plot.at(value, plot.y.low)
        yield grid.format(x, bottom, x, bottom + 4, 0.6)
        yield write(x, bottom + 16, label, anchor="middle")
    yield grid.format(_LEFT, bottom, right, bottom, 0.6)
    yield write(2, 12, y_label)
    yield write((_LEFT + right) / 2, bottom + 33, x_label, anchor="middle")


def _line(plot: _Plot, series: Series) -> Markup:
    places = [plot.at(x, y) for x, y in series.points if plot.holds(x, y)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) if places else ""
    return Markup('<path d="{}" fill="none" stroke="{}" stroke-width="1.75"{}/>').format(
        path, series.paint, _dashes(series)
    )


def _marks(plot: _Plot, series: Series) -> Iterator[Markup]:
    for x, y in series.points:
        if plot.holds(x, y):
            title = f"{series.label}: {format_number(x)}, {format_number(y)}".removeprefix(": ")
            yield _mark(*plot.at(x, y), series, title)


def _mark(x: float, y: float, series: Series, title: str) -> Markup:
    """One mark; `title` is its tooltip."""
    shapes = {
        "circle": "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
        "square": "m-4.5 -4.5h9v9h-9z",
        "cross": "m-4 -4l8 8m0 -8l-8 8",
    }
    filled = series.paint if series.marker == "circle" else "none"
    return Markup(
        '<path d="M{:.1f} {:.1f}{}" fill="{}" stroke="{}" stroke-width="1.5"><title>{}</title>'
        "</path>"
    ).format(x, y, shapes[series.marker], filled, series.paint, title)


def _legend(series: Sequence[Series], top: float) -> tuple[Markup, float]:
    """The legend in as many rows as it needs, and its height."""
    left = 8.0
    parts, x, y = [], left, top + 12.0
    for each in (one for one in series if one.label):
        width = 26 + len(each.label) * CHARACTER + 12
        if x > left and x + width > WIDTH:
            x, y = left, y + _ROW
        if each.marker:
            parts.append(_mark(x + 10, y - 4, each, each.label))
        else:
            stroke = Markup('<path d="M{:.1f} {:.1f}h20" stroke="{}" stroke-width="2"{}/>')
            parts.append(stroke.format(x, y - 4, each.paint, _dashes(each)))
        parts.append(write(x + 26, y, each.label))
        x += width
    return Markup("").join(parts), y - top + 6 if parts else 0


def _dashes(series: Series) -> Markup:
    return Markup(' stroke-dasharray="5 4"') if series.dashed else Markup("")
