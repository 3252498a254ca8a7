"""Keeps callers away from a server that fails, so that each failure is waited for once.

The pattern is Michael Nygard's (Release It!, 2007). Of the kept libraries, pybreaker runs every
call under one lock and circuitbreaker lets everybody in at once when it half opens; see
docs/adr/0008-protection.md.
"""

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Breaker:
    """Open after some failures in a row; then one caller per pause may try. Thread-safe.

    Whoever was let in by `allows` tells the outcome. A caller that never does is no harm: after
    another pause the next one is let in.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int,
        pause_s: float = 1.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin closed.

        Args:
            name: of the server, for the log.
            failures: so many in a row open it.
            pause_s: between one try and the next while it is open. Infinite when no caller shall
                pay for trying, and somebody else tells when the server answers again.
            now_s: a clock in seconds that never steps back.
        """
        self._name = name
        self._threshold = failures
        self._pause_s = pause_s
        self._now_s = now_s
        self._failures = 0
        self._next_try = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether callers are kept away at present."""
        return self._failures >= self._threshold

    def allows(self) -> bool:
        """Whether to try now. Takes no lock while the breaker is closed."""
        if not self.is_open:
            return True
        with self._lock:
            if self._now_s() < self._next_try:
                return False
            self._next_try = self._now_s() + self._pause_s
            return True

    def note_success(self) -> None:
        """The server answered."""
        if self._failures:
            with self._lock:
                if self.is_open:
                    log.info("server answers again", server=self._name)
                self._failures = 0

    def note_failure(self, error: Exception) -> None:
        """The server did not answer, or not in time."""
        with self._lock:
            was_open = self.is_open
            self._failures += 1
            self._next_try = self._now_s() + self._pause_s
            if self.is_open and not was_open:
                log.warning("server is left alone", server=self._name, error=str(error))
