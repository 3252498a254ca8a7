"""The format of `click_days.visitors`: HyperLogLog with 4,096 registers.

Standard error 1.6 %, at most 2.6 KB; a few dozen bytes while visitors are few, and then exact.
Sketches of different days merge, so any span can be asked for (Flajolet et al., "HyperLogLog",
AofA 2007; the implementation is Apache DataSketches).
"""

import contextlib
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

LOG2_REGISTERS: Final = 12


class DamagedSketchError(Exception):
    """The bytes are no sketch, and never will be."""


def add(sketch: bytes, visitors: Iterable[str]) -> bytes:
    """A sketch (empty bytes: a new one) with more visitors in it.

    Raises:
        DamagedSketchError: the sketch cannot be read.
    """
    grown = _read(sketch) if sketch else _new()
    update = grown.update
    for visitor in visitors:
        update(visitor)
    return bytes(grown.serialize_compact())


def of_one(visitor: str) -> bytes:
    """The sketch of a single visitor, empty when it is unknown; not safe across threads."""
    if not visitor:
        return b""
    sketch = _scratch()
    sketch.reset()
    sketch.update(visitor)
    return bytes(sketch.serialize_compact())


def estimate(sketches: Iterable[bytes]) -> int:
    """How many different visitors some sketches have seen together, damaged ones left out."""
    held = [sketch for sketch in sketches if sketch]
    if not held:
        return 0
    library = _datasketches()
    union = library.hll_union(LOG2_REGISTERS)
    for sketch in held:
        with contextlib.suppress(DamagedSketchError):  # the next click of that day begins it anew
            union.update(_read(sketch))
    return int(union.get_estimate() + 0.5)


def _new() -> Any:
    library = _datasketches()
    return library.hll_sketch(LOG2_REGISTERS, library.tgt_hll_type.HLL_4)


_scratch: Final = cache(_new)  # a reset takes a third of the time of a new one


def _read(sketch: bytes) -> Any:
    try:
        return _datasketches().hll_sketch.deserialize(sketch)
    except (ValueError, IndexError, RuntimeError) as error:  # the C++ library's, by its binding
        raise DamagedSketchError(str(error)) from error


@cache
def _datasketches() -> Any:
    # The library brings numpy, 25 MB of memory: a web worker that is never asked for statistics
    # should not carry it.
    import datasketches  # noqa: PLC0415

    return datasketches
