"""Records each redirect as a line in the journal."""

import contextlib
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from app.clicks.address import canonical_address
from app.clicks.countries import FindCountry
from app.clicks.journal import Journal
from db.clicks.receipts import report_dropped
from db.clicks.visitor_keys import take_visitor_key
from db.clicks.wire import encode_click
from db.connect.pool import Pool

log = structlog.get_logger(__name__)

# Characters. With these bounds a line stays below LINE_BYTES even at four bytes per character.
MAX_USER_AGENT: Final = 320
MAX_REFERRER: Final = 200
MAX_LANGUAGE: Final = 40
LOG_EVERY_S: Final = 10.0


class ClickRecorder:
    """Writes clicks to the journal. Thread-safe.

    `record` never raises, because a lost click must not fail a redirect; `dropped` counts losses.
    """

    def __init__(self, journal: Journal, find_country: FindCountry | None = None) -> None:
        """Record to a journal, with a random visitor key until `use_visitor_key`.

        Args:
            journal: open for writing; `close` seals it.
            find_country: maps an IP address to a country code; None leaves countries unknown.
        """
        self._journal = journal
        self._find_country = find_country
        self._process = journal.file.producer  # unique among all processes, past ones included
        # Without the shared key of the day, a random one still distinguishes the visitors of this
        # process, and keeps addresses from being stored unhashed.
        self._visitor_hash = _keyed_hash(secrets.token_bytes(32))
        self.visitor_key_day: date | None = None
        self.dropped = 0  # clicks, exact
        self._reported = 0
        self._dropping = threading.Lock()
        self._logged_at = -LOG_EVERY_S

    @property
    def journaled(self) -> int:
        """Number of clicks written to the journal, without those that still wait in memory."""
        return self._journal.written

    def use_visitor_key(self, day: date, key: bytes) -> None:
        """Hash visitors with the key of `day` (1 to 64 bytes) from now on."""
        self._visitor_hash = _keyed_hash(key)
        self.visitor_key_day = day

    def record(self, environ: Mapping[str, Any], code: str) -> None:
        """Append a click, described by the WSGI environment of its request."""
        user_agent = environ.get("HTTP_USER_AGENT", "")
        address = canonical_address(environ.get("REMOTE_ADDR", ""))
        try:
            line = encode_click(
                code,
                time.time_ns() // 1_000_000,
                referrer=_without_query(environ.get("HTTP_REFERER", "")),
                user_agent=user_agent[:MAX_USER_AGENT],
                language=environ.get("HTTP_ACCEPT_LANGUAGE", "")[:MAX_LANGUAGE],
                country=self._find_country(address) if self._find_country else "",
                visitor=self.pseudonym(f"{address}\n{user_agent}"),
            )
            self._journal.append(line)
        except (OSError, UnicodeEncodeError) as error:  # no space left; a lone surrogate
            self._drop(1, str(error))

    def report_dropped(self, pool: Pool) -> None:
        """Store the number of dropped clicks in Postgres, where any host's `hop doctor` reads it.

        Raises:
            DatabaseUnavailableError: nothing is stored; the next call retries.
        """
        dropped = self.dropped
        if dropped != self._reported:
            report_dropped(pool, self._process, dropped)
            self._reported = dropped

    def close(self) -> None:
        """Seal the journal. Clicks in memory that cannot be written are dropped."""
        lost = self._journal.seal()
        with contextlib.suppress(OSError):
            self._journal.sync()
        if lost:
            self._drop(lost, "no space left before shutdown")

    def pseudonym(self, text: str) -> str:
        """Hash a text to 16 hex digits with the visitor key, so the result changes daily.

        It cannot be reversed without the key. Thread-safe.
        """
        keyed = self._visitor_hash.copy()
        keyed.update(text.encode("utf-8", "replace"))
        return keyed.hexdigest()

    def _drop(self, clicks: int, reason: str) -> None:
        with self._dropping:
            self.dropped += clicks
            dropped, now = self.dropped, time.monotonic()
            is_due = now - self._logged_at >= LOG_EVERY_S
            if is_due:
                self._logged_at = now
        if is_due:
            log.error("clicks dropped", reason=reason, dropped=dropped)


def renew_visitor_key(recorder: ClickRecorder, pool: Pool) -> None:
    """Give the recorder the shared visitor key of today (UTC), unless it has that key.

    Raises:
        DatabaseUnavailableError: the recorder keeps its current key.
    """
    day = today()
    if recorder.visitor_key_day != day:
        recorder.use_visitor_key(day, take_visitor_key(pool, day))


def today() -> date:
    """The current date in UTC, which visitor keys and roll-ups use."""
    return datetime.now(UTC).date()


def _keyed_hash(key: bytes) -> blake2b:
    """Create the hash state of a key. Copying a state is faster than keying a new hash."""
    return blake2b(key=key, digest_size=8)


def _without_query(referrer: str) -> str:
    """Host and path of a Referer header; its query may contain search terms or tokens."""
    if not referrer:
        return ""
    try:
        parts = urlsplit(referrer)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return f"{host}{parts.path}"[:MAX_REFERRER] if host else ""  # about:blank has none
