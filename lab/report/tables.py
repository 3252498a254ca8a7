"""A table of results, for a terminal or a page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.report.charts.ticks import format_number


@dataclass(frozen=True, slots=True)
class Table:
    """Column names, and rows with as many cells; `format_cell` turns a cell into text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def is_number(self, column: int) -> bool:
        """Whether a column is aligned right: every cell starts with a digit, or is ∞."""
        texts = [format_cell(row[column]) for row in self.rows]
        return bool(texts) and all(text[:1].isdigit() or text == "∞" for text in texts)

    def as_text(self) -> str:
        """The table for a terminal."""
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
    """A value as text: integers in full, floats to three digits, booleans as yes or no."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return format_number(cell) if math.isfinite(cell) else "∞"
    return str(cell)
