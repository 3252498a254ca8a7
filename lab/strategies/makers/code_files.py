"""Makers that write each code to a file, so that they can be killed at any moment.

A code is in the file before the next one is requested, so that the file holds all codes used.
"""

import os
import time
from pathlib import Path
from typing import Final

from app.links.codes import open_strategy
from app.settings import Settings
from db.codes.ranges import this_process
from db.connect.pool import open_pool

APPLICATION_NAME: Final = "hop-lab-killed"  # of the connections
LINE_BYTES: Final = 8  # seven characters and a line feed
_UNLIMITED: Final = 2**31


def write_codes(
    settings: Settings, folder: Path, codes: int = _UNLIMITED, pause_s: float = 0.0
) -> None:
    """Create codes, and append each to a new file; the main function of a process.

    Args:
        settings: database, strategy and size of ranges.
        folder: of the file, which is named like the holder of the process's ranges.
        codes: how many.
        pause_s: wait after each code.
    """
    file = os.open(folder / this_process(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open_pool(settings.database_url, name=APPLICATION_NAME, max_size=1) as pool:
        source = open_strategy(settings, pool)
        for _ in range(codes):
            os.write(file, f"{source.strategy.candidate('', 0)}\n".encode())
            if pause_s:
                time.sleep(pause_s)
        source.close()


def count_codes(folder: Path) -> int:
    """Codes in all files of a folder."""
    return sum(file.stat().st_size for file in folder.iterdir()) // LINE_BYTES
