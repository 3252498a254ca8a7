"""A circuit breaker: keeps callers away from a server that fails (Nygard, Release It!, 2007).

Why not a library: docs/adr/0008-protection.md.
"""

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Breaker:
    """Opens after some failures in a row; then lets one caller per pause try. Thread-safe.

    A caller that `allows` has let in reports the outcome. If it never does, the next caller is let
    in after another pause.
    """

    def __init__(
        self,
        server: str,
        *,
        failures: int,
        pause_s: float = 1.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start closed.

        Args:
            server: its name, for the log.
            failures: this many in a row open the breaker.
            pause_s: between tries while it is open. Infinite where no caller should pay for a try
                and a periodic job probes the server instead.
            now_s: a clock in seconds that never steps back.
        """
        self._server = server
        self._threshold = failures
        self._pause_s = pause_s
        self._now_s = now_s
        self._failures = 0
        self._next_try_s = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether callers are kept away."""
        return self._failures >= self._threshold

    def allows(self) -> bool:
        """Whether to try now. Takes no lock while the breaker is closed."""
        if not self.is_open:
            return True
        with self._lock:
            if self._now_s() < self._next_try_s:
                return False
            self._next_try_s = self._now_s() + self._pause_s
            return True

    def note_success(self) -> None:
        """The server answered."""
        if self._failures:
            with self._lock:
                if self.is_open:
                    log.info("breaker closed", server=self._server)
                self._failures = 0

    def note_failure(self, error: Exception) -> None:
        """The server did not answer, or not in time."""
        with self._lock:
            was_open = self.is_open
            self._failures += 1
            self._next_try_s = self._now_s() + self._pause_s
            if self.is_open and not was_open:
                log.warning("breaker opened", server=self._server, error=str(error))
