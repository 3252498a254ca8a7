"""demo.json: what a running demo tells the other commands about itself."""

import json
import os
from pathlib import Path
from typing import Any


def demo_file() -> Path:
    """Where a demo in this folder writes it."""
    return Path(os.environ.get("HOP_DATA_DIR", ".hop"), "demo.json")


def read_demo_file() -> dict[str, Any] | None:
    """What it says, or None when no demo was ever started here."""
    try:
        found: dict[str, Any] = json.loads(demo_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
