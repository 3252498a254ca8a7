"""A report as one HTML file that loads nothing else: it can be mailed, printed and read offline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from lab.report.charts.svg import Chart
from lab.report.tables import Table, format_cell


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its content. All strings are plain text."""

    title: str
    paragraphs: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    table: Table | None = None


def render_page(title: str, sections: Sequence[Section]) -> str:
    """The page as HTML, with all text escaped."""
    return _PAGE.render(title=title, sections=sections)


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["cell"] = format_cell
_PAGE = _ENVIRONMENT.get_template("page.html")
