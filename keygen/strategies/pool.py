"""Codes drawn beforehand into a table, one row claimed for each link.

Collisions are met in the background, when the table is filled, and a claim is one short statement;
but every code is written, claimed and deleted once before it is used, and the table must not run
dry. A code that was claimed and not used is lost: nobody draws it again on purpose.
"""

import contextlib
import itertools
import secrets
import threading
from collections.abc import Collection
from typing import Final, Protocol

from keygen.base62 import BASE, encode
from keygen.errors import CodesUnavailableError

BATCH: Final = 1_000
# How often a process looks at the pool's size, in claims of its own.
CHECK_EVERY: Final = 500
# A caller who finds the pool empty fills it; this often it may be emptied before the caller's turn.
MAX_FILLS: Final = 10


class CodePool(Protocol):
    """What this strategy needs from a database."""

    def claim_code(self) -> str | None:
        """Take a code out of the pool for this caller only; None if the pool is empty."""
        ...

    def count_codes(self) -> int:
        """How many codes wait in the pool."""
        ...

    def add_codes(self, codes: Collection[str]) -> int:
        """Add those that are neither waiting nor used by a link; returns how many that were."""
        ...


class Pooled:
    """Codes from a pool that it keeps filled. As thread-safe as the pool."""

    def __init__(self, pool: CodePool, size: int = 10_000, shortest: int = 7) -> None:
        """Use this code pool.

        Args:
            pool: shared with other processes, which may fill it too.
            size: codes that should wait in it.
            shortest: length of the codes, in characters, until half of such codes are taken.
        """
        self._pool = pool
        self._size = size
        self._length = shortest
        self._claims = itertools.count()
        self._filling = threading.Lock()
        self._closed = False

    def candidate(self, target_url: str, attempt: int) -> str:
        """A code from the pool; after a conflict (with an alias), another one."""
        if next(self._claims) % CHECK_EVERY == 0:
            threading.Thread(target=self._fill, name="pool-fill", daemon=True).start()
        for _ in range(MAX_FILLS):
            code = self._pool.claim_code()
            if code is not None:
                return code
            self._add_batch()
        raise CodesUnavailableError("the code pool is emptied faster than it is filled")

    def close(self) -> None:
        """Stop filling."""
        self._closed = True

    def _fill(self) -> None:
        """Fill the pool up, unless this process is doing so already."""
        if not self._filling.acquire(blocking=False):
            return
        # If this fails, callers who find the pool empty get the same error.
        with contextlib.suppress(Exception):
            while not self._closed and self._pool.count_codes() < self._size:
                self._add_batch()
        self._filling.release()

    def _add_batch(self) -> None:
        length = self._length
        drawn = {encode(secrets.randbelow(BASE**length), length) for _ in range(BATCH)}
        if self._pool.add_codes(drawn) < len(drawn) / 2:
            self._length = length + 1  # not "+= 1": two threads may find the length full
