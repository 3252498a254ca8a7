"""Samples: one line of JSON per request, from Locust's process to the process that judges.

All are kept, so that p99.9 is exact. Locust's own percentiles are rounded to two digits.
"""

from pathlib import Path
from typing import Final

import msgspec

MOST_SAMPLES: Final = 3_000_000  # about 60 bytes each on disk, 200 in memory


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request."""

    kind: str
    due_s: float  # when it was due, from the end of the warm-up
    start_delay_ms: float  # from due to sent
    response_ms: float  # from due to answered: start delay and service time
    status: int  # 0: no response
    error: str = ""  # empty: the response was right

    @property
    def service_ms(self) -> float:
        """From sent to answered."""
        return self.response_ms - self.start_delay_ms


class SampleReader:
    """Reads a file of samples while another process appends to it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._decoder = msgspec.json.Decoder(Sample)

    def read_new(self) -> list[Sample]:
        """Samples since the last call; an incomplete last line is left for the next call."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        lines = added[: added.rfind(b"\n") + 1]
        self._offset += len(lines)
        return self._decoder.decode_lines(lines)
