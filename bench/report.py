"""The files of a run: bench.json and one SVG per chart; tables as Markdown for the docs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.benchmark import Results
from bench.facts import BenchFacts
from lab.report.report_files import as_json
from lab.report.tables import Table, format_cell

KIND: Final = "hop-bench"  # `hop estimate --measured` recognises the file by it


def write_files(directory: Path, facts: BenchFacts, results: Mapping[str, Results]) -> list[Path]:
    """Write bench.json and the charts.

    Args:
        directory: created if missing.
        facts: about the run.
        results: by the name of the benchmark.

    Returns:
        The files, bench.json first.

    Raises:
        OSError: a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    numbers = directory / "bench.json"
    sections = {name: result.measured for name, result in results.items()}
    text = as_json({"kind": KIND, "facts": facts, "sections": sections})
    numbers.write_text(text, encoding="utf-8")
    files = [numbers]
    for name, result in results.items():
        for chart in result.charts:
            words = re.sub(r"[^a-z0-9]+", "-", chart.title.lower()).strip("-")
            files.append(directory / f"{name}-{words}.svg")
            files[-1].write_text(chart.svg, encoding="utf-8")
    return files


def as_markdown(table: Table) -> str:
    """A table in Markdown, with numbers aligned right."""
    marks = ["---:" if table.is_number(column) else "---" for column in range(len(table.columns))]
    rows: Sequence[Sequence[object]] = [table.columns, marks, *table.rows]
    return "\n".join(f"| {' | '.join(format_cell(cell) for cell in row)} |" for row in rows)
