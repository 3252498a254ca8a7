"""The format of `click_days.visitors`: HyperLogLog with 4,096 registers.

Standard error 1.6 %, at most 2.6 KB. With few visitors a sketch is exact and takes a few dozen
bytes. Sketches of several days can be merged. Algorithm: Flajolet et al., "HyperLogLog", AofA 2007;
implementation: Apache DataSketches.
"""

import contextlib
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

LOG2_REGISTERS: Final = 12


class DamagedSketchError(Exception):
    """The bytes are not a sketch."""


def add(sketch: bytes, visitors: Iterable[str]) -> bytes:
    """Add visitors to a sketch, where empty bytes mean an empty sketch; return the new sketch.

    Raises:
        DamagedSketchError: the sketch cannot be read.
    """
    grown = _read(sketch) if sketch else _new()
    update = grown.update
    for visitor in visitors:
        update(visitor)
    return bytes(grown.serialize_compact())


def of_one(visitor: str) -> bytes:
    """The sketch of one visitor; empty bytes for an unknown one (""). Not thread-safe."""
    if not visitor:
        return b""
    sketch = _scratch()
    sketch.reset()
    sketch.update(visitor)
    return bytes(sketch.serialize_compact())


def estimate(sketches: Iterable[bytes]) -> int:
    """Estimate the number of distinct visitors in sketches together; damaged ones are ignored."""
    non_empty = [sketch for sketch in sketches if sketch]
    if not non_empty:
        return 0
    library = _datasketches()
    union = library.hll_union(LOG2_REGISTERS)
    for sketch in non_empty:
        with contextlib.suppress(DamagedSketchError):  # the day's next click replaces it
            union.update(_read(sketch))
    return int(union.get_estimate() + 0.5)


def _new() -> Any:
    library = _datasketches()
    return library.hll_sketch(LOG2_REGISTERS, library.tgt_hll_type.HLL_4)


_scratch: Final = cache(_new)  # resetting a sketch is faster than creating one


def _read(sketch: bytes) -> Any:
    try:
        return _datasketches().hll_sketch.deserialize(sketch)
    except (ValueError, IndexError, RuntimeError) as error:  # translated C++ exceptions
        raise DamagedSketchError(str(error)) from error


@cache
def _datasketches() -> Any:
    # The library imports numpy, 25 MB: a web process that never shows statistics does without.
    import datasketches  # noqa: PLC0415

    return datasketches
