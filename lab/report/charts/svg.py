"""SVG images without scripts, style sheets or fonts of their own.

Text and axes use the colour of the surrounding text (`currentColor`). COLOURS have a contrast of at
least 3:1 on white and on hop's dark background, so one image fits light pages, dark pages and
paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

# The width of a phone's screen: text keeps its size there, and grows a little on a desktop.
WIDTH: Final = 360
FONT: Final = 11
CHARACTER: Final = 6.4  # mean width of a sans-serif letter in this size
COLOURS: Final = ("#3a7fc4", "#cf6a12", "#2b936a", "#9a63cc", "#d64c55", "#8a7420", "#7a828a")


@dataclass(frozen=True, slots=True)
class Chart:
    """An image, with a title of a few words."""

    title: str
    svg: Markup


def draw(title: str, parts: Sequence[Markup], height: float) -> Chart:
    """Combine parts into one image that is WIDTH wide and scales with the page."""
    svg = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {:.0f}" role="img"'
        ' aria-label="{}" font-family="system-ui, sans-serif" font-size="{}">{}</svg>'
    )
    return Chart(title, svg.format(WIDTH, height, title, FONT, Markup("").join(parts)))


def write(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    """A line of text, escaped; `anchor` says which part of it is at x."""
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="currentColor">{}</text>'
    ).format(x, y, anchor, text)
