"""What a run leaves behind: bench.json for machines, a picture per chart, Markdown for the docs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.benchmark import Findings
from bench.facts import BenchFacts
from lab.report.files import as_json
from lab.report.tables import Table, format_cell

KIND: Final = "hop-bench"  # `hop estimate --measured` tells by it what it reads


def write_files(directory: Path, facts: BenchFacts, found: Mapping[str, Findings]) -> list[Path]:
    """Write bench.json, and for each chart a file that any browser shows.

    Args:
        directory: where to; made when missing.
        facts: about the run.
        found: by section.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    numbers = directory / "bench.json"
    sections = {name: findings.measured for name, findings in found.items()}
    text = as_json({"kind": KIND, "facts": facts, "sections": sections})
    numbers.write_text(text, encoding="utf-8")
    files = [numbers]
    for name, findings in found.items():
        for chart in findings.charts:
            words = re.sub(r"[^a-z0-9]+", "-", chart.title.lower()).strip("-")
            files.append(directory / f"{name}-{words}.svg")
            files[-1].write_text(chart.svg, encoding="utf-8")
    return files


def as_markdown(table: Table) -> str:
    """A table for the docs."""
    marks = ["---:" if table.is_number(column) else "---" for column in range(len(table.columns))]
    rows: Sequence[Sequence[object]] = [table.columns, marks, *table.rows]
    return "\n".join(f"| {' | '.join(format_cell(cell) for cell in row)} |" for row in rows)
