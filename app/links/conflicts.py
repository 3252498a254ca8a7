"""How often a proposed code was already in use."""

import threading

import structlog

log = structlog.get_logger(__name__)


class ConflictCount:
    """Counts conflicts of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total = 0

    def record(self, code: str, attempt: int) -> None:
        """Count one: the code was in use and another will be tried."""
        with self._lock:
            self.total += 1
        log.debug("a proposed code is in use", code=code, attempt=attempt)
