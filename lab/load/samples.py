"""One line for each request: how the process that runs Locust tells what it saw.

All of them are kept, so that p99.9 is exact; Locust's own figures are rounded to two digits.
"""

from pathlib import Path
from typing import Final

import msgspec

MOST_SAMPLES: Final = 3_000_000  # about 60 bytes each on disk, 200 in memory


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request."""

    kind: str
    due_s: float  # when it was to be sent, since the beginning of the run
    start_delay_ms: float  # how late the generator was to send it
    response_ms: float  # from due to answered: the start delay and the time that hop took
    status: int  # of the answer; 0 when there was none
    error: str = ""  # empty when the answer was right

    @property
    def service_ms(self) -> float:
        """From sent to answered."""
        return self.response_ms - self.start_delay_ms


class SampleReader:
    """Reads a file of samples while it grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._decoder = msgspec.json.Decoder(Sample)

    def read_new(self) -> list[Sample]:
        """What was added since the last call; a line that is not whole yet comes next time."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return self._decoder.decode_lines(whole)
