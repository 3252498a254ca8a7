"""Time, worker and sequence in one number: unique as long as no two share a worker and a moment.

63 bits as in Twitter's Snowflake (https://github.com/twitter-archive/snowflake/tree/snowflake-2010):
41 of milliseconds since 2026, enough until 2095, 10 of worker, 12 of sequence. In base62 that is 11
characters, four more than a counted code, and it tells when the link was made.

Invariant: no id is made twice, whatever clocks do. A worker id is leased together with
an interval of time, and nobody else ever gets that worker id for an interval that overlaps. The
interval is read off the holder's own clock, so neither a clock that steps back, nor one that
differs from the database's, nor a process that was frozen beyond its lease can repeat an id.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from keygen.base62 import decode, encode
from keygen.errors import CodesUnavailableError

EPOCH_MS: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000
TIME_BITS: Final = 41
WORKER_BITS: Final = 10
SEQUENCE_BITS: Final = 12
LENGTH: Final = 11  # 62**10 < 2**63 < 62**11
# One round trip per lease; when the database is away, codes are made until the lease ends.
LEASE_MS: Final = 5 * 60_000
# The corrections of a time service are this small; after a larger step another worker id is taken.
MAX_WAIT_MS: Final = 100


class WorkerIds(Protocol):
    """What this strategy needs from a database."""

    def lease_worker(self, from_ms: int, until_ms: int) -> int | None:
        """A worker id in [0, 1024) that nobody ever had, or will get, for a time in this interval.

        Args:
            from_ms: Unix time in milliseconds by the caller's clock, included.
            until_ms: the same, not included.

        Returns:
            None when every worker id was leased for some time after `from_ms`.
        """
        ...


class Parts(NamedTuple):
    """What a snowflake is made of."""

    unix_ms: int
    worker: int
    sequence: int


class Snowflake:
    """Codes from the clock. One per process, opened after fork; thread-safe."""

    def __init__(
        self,
        workers: WorkerIds,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        """A worker id is leased when the first code is asked for.

        Args:
            workers: leases worker ids.
            now_ms: Unix time in milliseconds; may step back.
            sleep_s: waits for a number of seconds.
        """
        self._workers = workers
        self._now_ms = now_ms
        self._sleep_s = sleep_s
        self._lock = threading.Lock()
        self._worker = 0
        self._until_ms = 0  # the end of the lease
        self._last_ms = 0
        self._sequence = 0

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of this moment; waits if the clock has stepped back a little."""
        with self._lock:
            moment = self._wait_for_moment()
            if moment is None:
                moment = self._lease()
            else:
                self._sequence = self._sequence + 1 if moment == self._last_ms else 0
            self._last_ms = moment
            parts = Parts(moment, self._worker, self._sequence)
        return encode(join_parts(parts), LENGTH)

    def _wait_for_moment(self) -> int | None:
        """A millisecond of our lease, not before the last one; None if a new lease is needed."""
        is_full = self._sequence == 2**SEQUENCE_BITS - 1
        earliest = self._last_ms + 1 if is_full else self._last_ms
        now, waited_ms = self._now_ms(), 0
        while now < earliest and waited_ms + earliest - now <= MAX_WAIT_MS:
            waited_ms += earliest - now
            self._sleep_s((earliest - now) / 1_000)
            now = self._now_ms()
        return now if earliest <= now < self._until_ms else None

    def _lease(self) -> int:
        """Take a worker id from now on; returns the first moment that it may be used for."""
        now = self._now_ms()
        worker = self._workers.lease_worker(now, now + LEASE_MS)
        if worker is None:
            raise CodesUnavailableError(
                "every worker id was leased for a later time: this clock is behind"
            )
        self._worker, self._until_ms, self._sequence = worker, now + LEASE_MS, 0
        return now


def join_parts(parts: Parts) -> int:
    """The number of a snowflake, in [0, 2**63).

    Raises:
        CodesUnavailableError: the clock is outside the years 2026 to 2095.
    """
    since_epoch = parts.unix_ms - EPOCH_MS
    if not 0 <= since_epoch < 2**TIME_BITS:
        raise CodesUnavailableError("the clock shows a time before 2026 or after 2095")
    return (since_epoch << WORKER_BITS | parts.worker) << SEQUENCE_BITS | parts.sequence


def split_code(code: str) -> Parts:
    """What the code of a snowflake is made of.

    Raises:
        ValueError: the text is no such code.
    """
    return split_id(decode(code, LENGTH))


def split_id(id_: int) -> Parts:
    """The inverse of `join_parts`.

    Raises:
        ValueError: the number is no snowflake.
    """
    if not 0 <= id_ < 2 ** (TIME_BITS + WORKER_BITS + SEQUENCE_BITS):
        raise ValueError(f"{id_} is not a number of 63 bits")
    rest, sequence = divmod(id_, 2**SEQUENCE_BITS)
    since_epoch, worker = divmod(rest, 2**WORKER_BITS)
    return Parts(since_epoch + EPOCH_MS, worker, sequence)
