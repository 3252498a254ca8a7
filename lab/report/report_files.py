"""A report directory: the page for people, the raw numbers as CSV and JSON for everything else."""

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
        directory: where to; it exists.
        name: the files' name without an ending.
        page: what `page.render_page` gave.
        rows: dataclasses of one type; their fields are the columns.
        facts: about the run; with them the JSON is {"facts": …, "rows": […]}, else the rows alone.

    Returns:
        The files, the page first.

    Raises:
        OSError: the directory cannot be written to.
    """
    files = [directory / f"{name}.{ending}" for ending in ("html", "csv", "json")]
    html, table, numbers = files
    html.write_text(page, encoding="utf-8")
    plain = msgspec.to_builtins(list(rows))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(plain[0]) if plain else [])
        writer.writeheader()
        writer.writerows(plain)
    told = rows if facts is None else {"facts": facts, "rows": rows}
    numbers.write_text(as_json(told), encoding="utf-8")
    return files


def as_json(value: object) -> str:
    """Dataclasses as indented JSON with a final newline; infinity becomes null."""
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"
