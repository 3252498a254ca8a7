"""How far a run is, also in a file that another process may read at any time."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "progress.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` of `of` steps are done; `error` says why a finished run has no good result."""

    strategy: str = ""
    doing: str = ""
    step: int = 0
    of: int = 0
    finished: bool = False
    error: str | None = None


OnProgress = Callable[[Progress], object]


@contextmanager
def kept_in_file(directory: Path | None) -> Iterator[OnProgress]:
    """What it yields writes progress to `directory`/progress.json; the end is written, too.

    An exception passes through, and its text is the error that the file tells. Without a directory
    nothing is written.

    Raises:
        OSError: the directory cannot be written to.
    """
    last = Progress()

    def keep(progress: Progress) -> None:
        nonlocal last
        last = progress
        if directory is not None:
            _replace(directory, progress)

    keep(last)
    try:
        yield keep
    except BaseException as error:
        told = str(error) or type(error).__name__
        keep(dataclasses.replace(last, finished=True, error=told))
        raise
    keep(dataclasses.replace(last, doing="", step=last.of, finished=True))


def _replace(directory: Path, progress: Progress) -> None:
    """Replace the file at once: a reader finds the old one or the new one, never half of one."""
    beside = directory / f"{FILE_NAME}.new"
    beside.write_bytes(msgspec.json.encode(progress))
    beside.replace(directory / FILE_NAME)
