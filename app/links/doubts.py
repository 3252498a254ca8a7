"""Changes that Postgres did not confirm. It may have made them all the same, and no cache was told.

The client was told "look, then repeat": it may look, find the change made, and not repeat it. So
the row is read again, and the caches told what it says.
"""

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Final

# From when Postgres answers again. What was under way by then is made or given up: no statement of
# a request may take longer (db.connect.pool.STATEMENT_TIMEOUT_MS).
SETTLED_AFTER_S: Final = 10.0
# A script may have changed thousands while Postgres was away: other jobs have their turn.
AT_ONCE: Final = 100


class Doubts:
    """Codes of links that may have changed. Thread-safe."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; `now_s` is a clock in seconds that never steps back."""
        self._now_s = now_s
        self._since: dict[str, float | None] = {}  # the first time that a code could be read again
        self._lock = threading.Lock()

    def add(self, code: str) -> None:
        """A change of this link was not confirmed."""
        with self._lock:
            self._since[code] = None

    def settle(self, announce: Callable[[str], None]) -> None:
        """Have some links read and announced, until nothing can happen to them any more.

        Args:
            announce: reads a link and tells the caches. What it raises is raised, and all of it is
                tried again the next time.
        """
        with self._lock:
            some = list(islice(self._since.items(), AT_ONCE))
        for code, since in some:
            announce(code)
            now = self._now_s()
            with self._lock:
                if self._since.get(code) != since:
                    continue  # it was changed again meanwhile
                del self._since[code]
                if since is None or now - since <= SETTLED_AFTER_S:
                    self._since[code] = now if since is None else since  # behind the others
