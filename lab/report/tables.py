"""A table of results: as text for a terminal, and as what a page is made from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.report.charts.ticks import format_number


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of as many cells; see `format_cell` for how a cell is written."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def is_number(self, column: int) -> bool:
        """Whether a column is set to the right: all its cells begin with a digit, or are ∞."""
        texts = [format_cell(row[column]) for row in self.rows]
        return bool(texts) and all(text[:1].isdigit() or text == "∞" for text in texts)

    def as_text(self) -> str:
        """Lines for a terminal, columns as wide as they need to be."""
        lines = [list(self.columns)] + [[format_cell(cell) for cell in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(self._as_line(line, widths) for line in lines)

    def _as_line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = [
            cell.rjust(width) if self.is_number(column) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()


def format_cell(cell: object) -> str:
    """A value as text: whole numbers in full, others to three digits, booleans as yes and no."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return format_number(cell) if math.isfinite(cell) else "∞"
    return str(cell)
