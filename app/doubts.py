"""Changes that Postgres did not confirm. It may have made them all the same, and no cache was told.

The client was told "look, then repeat": it may look, find the change made, and not repeat it. So
the row is read again, and the caches told what it says.
"""

import time
from collections.abc import Callable
from typing import Final

# From when Postgres answers again. What was under way by then is made or given up: no statement of
# a request may take longer (db.pool.STATEMENT_TIMEOUT_MS).
SETTLED_AFTER_S: Final = 5.0


class Doubts:
    """Codes of links that may have changed. Thread-safe."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; `now_s` is a clock in seconds that never steps back."""
        self._now_s = now_s
        self._since: dict[str, float | None] = {}  # the first time that a code could be read again

    def add(self, code: str) -> None:
        """A change of this link was not confirmed."""
        self._since[code] = None

    def settle(self, announce: Callable[[str], None]) -> None:
        """Have each link read and announced, until nothing can happen to it any more.

        Args:
            announce: reads a link and tells the caches. What it raises is raised, and all of it is
                tried again the next time.
        """
        for code, since in list(self._since.items()):
            announce(code)
            now = self._now_s()
            if self._since.get(code) != since:
                continue  # it was changed again meanwhile
            if since is None:
                self._since[code] = now
            elif now - since > SETTLED_AFTER_S:
                del self._since[code]
