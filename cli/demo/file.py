"""demo.json: addresses, admin key and process ids of a demo, for the other commands."""

import json
import os
from pathlib import Path
from typing import Any, Final

NAME: Final = "demo.json"


def demo_file() -> Path:
    """The path of the file of a demo in this folder."""
    return Path(os.environ.get("HOP_DATA_DIR", ".hop"), NAME)


def read_demo_file() -> dict[str, Any] | None:
    """The content, or None if no demo was started in this folder."""
    return _read(demo_file())


def last_api_key(data_dir: Path) -> str | None:
    """The admin key of the last demo with this data, or None."""
    last = _read(data_dir / NAME) or {}
    return str(last["api_key"]) if "api_key" in last else None


def write_demo_file(data_dir: Path, content: dict[str, Any]) -> None:
    """Replace the file atomically. It holds the admin key, so only its owner can read it."""
    fresh = data_dir / f"{NAME}.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fresh.replace(data_dir / NAME)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content
