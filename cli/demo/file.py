"""demo.json: what a running demo tells the other commands about itself."""

import json
import os
from pathlib import Path
from typing import Any, Final

NAME: Final = "demo.json"


def demo_file() -> Path:
    """Where a demo in this folder writes it."""
    return Path(os.environ.get("HOP_DATA_DIR", ".hop"), NAME)


def read_demo_file() -> dict[str, Any] | None:
    """What it says, or None when no demo was ever started here."""
    try:
        found: dict[str, Any] = json.loads(demo_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def last_api_key(data_dir: Path) -> str | None:
    """The admin key of the last start in a directory, or None when there was none."""
    try:
        last = json.loads((data_dir / NAME).read_text(encoding="utf-8"))
        return str(last["api_key"])
    except (OSError, ValueError, KeyError):
        return None


def write_demo_file(data_dir: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step; only its owner can read it, since it holds the admin key."""
    fresh = data_dir / f"{NAME}.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fresh.replace(data_dir / NAME)
