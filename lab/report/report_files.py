"""Writes a report: a page for people, and its rows as CSV and JSON for programs."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec


def write_report(
    directory: Path, name: str, page: str, rows: Sequence[Any], facts: object = None
) -> list[Path]:
    """Write `name`.html, .csv and .json.

    Args:
        directory: an existing one.
        name: of the files, without a suffix.
        page: HTML, from `page.render_page`.
        rows: dataclasses of one type; their fields are the columns.
        facts: about the run. With them the JSON is {"facts": …, "rows": […]}, else a list of rows.

    Returns:
        The paths, the page first.

    Raises:
        OSError: the directory cannot be written to.
    """
    paths = [directory / f"{name}.{suffix}" for suffix in ("html", "csv", "json")]
    html, table, data = paths
    html.write_text(page, encoding="utf-8")
    records = msgspec.to_builtins(list(rows))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]) if records else [])
        writer.writeheader()
        writer.writerows(records)
    content = rows if facts is None else {"facts": facts, "rows": rows}
    data.write_text(as_json(content), encoding="utf-8")
    return paths


def as_json(value: object) -> str:
    """Dataclasses as indented JSON with a final newline; infinity becomes null."""
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"
