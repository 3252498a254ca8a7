"""Pictures as SVG that needs nothing else: no script, no style sheet, no font of its own.

Text and axes take the colour of the text around them (`currentColor`), and COLOURS have a contrast
of at least 3:1 on white and on hop's dark ground, so one picture serves a light page, a dark page
and paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

# A phone shows 360 pixels, so text keeps its size there and grows a little on a desk.
WIDTH: Final = 360
FONT: Final = 11
CHARACTER: Final = 6.4  # width of a sans-serif letter of this size, on average
COLOURS: Final = ("#3a7fc4", "#cf6a12", "#2b936a", "#9a63cc", "#d64c55", "#8a7420", "#7a828a")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and what it shows, in a few words."""

    title: str
    svg: Markup


def draw(title: str, parts: Sequence[Markup], height: float) -> Chart:
    """Put parts into one picture that is WIDTH wide and scales with the page."""
    svg = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {:.0f}" role="img"'
        ' aria-label="{}" font-family="system-ui, sans-serif" font-size="{}">{}</svg>'
    )
    return Chart(title, svg.format(WIDTH, height, title, FONT, Markup("").join(parts)))


def write(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    """A line of text, escaped; `anchor` is which end of it stands at x."""
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="currentColor">{}</text>'
    ).format(x, y, anchor, text)
