"""One answered redirect becomes one line in the journal."""

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

from app.clicks.countries import FindCountry
from app.clicks.journal import Journal
from db.clicks.receipts import report_dropped
from db.clicks.visitor_keys import take_visitor_key
from db.clicks.wire import encode_click
from db.connect.pool import Pool

log = structlog.get_logger(__name__)

# With these bounds a line stays below LINE_BYTES even if every character takes four bytes.
LONGEST_USER_AGENT: Final = 320
LONGEST_REFERRER: Final = 200
LONGEST_LANGUAGE: Final = 40
LOG_EVERY_S: Final = 10.0


class ClickRecorder:
    """Writes clicks to the journal. Thread-safe; never raises: a redirect is worth more."""

    def __init__(self, journal: Journal, find_country: FindCountry | None = None) -> None:
        """Begin with an unshared visitor key, until `use_visitor_key`.

        Args:
            journal: where clicks go.
            find_country: of an address; None when nobody knows, which costs nothing.
        """
        self._journal = journal
        self._find_country = find_country
        self._process = journal.file.producer  # a name that no other process ever has
        # Until the day's shared key is known, a key of this process: visitors are then told apart
        # within the process, and never stored unhashed.
        self._visitor_hash = _keyed_hash(secrets.token_bytes(32))
        self.visitor_key_day: date | None = None
        self.dropped = 0  # clicks, exactly
        self._reported = 0
        self._dropping = threading.Lock()
        self._logged_at = -LOG_EVERY_S

    @property
    def journaled(self) -> int:
        """Clicks that are in a journal; those that wait in memory are not yet."""
        return self._journal.written

    def use_visitor_key(self, day: date, key: bytes) -> None:
        """Hash visitors with this key from now on."""
        self._visitor_hash = _keyed_hash(key)
        self.visitor_key_day = day

    def record(self, environ: Mapping[str, Any], code: str) -> None:
        """Append a click, from the WSGI environment of its request."""
        user_agent = environ.get("HTTP_USER_AGENT", "")
        address = environ.get("REMOTE_ADDR", "")
        try:
            line = encode_click(
                code,
                time.time_ns() // 1_000_000,
                referrer=_without_query(environ.get("HTTP_REFERER", "")),
                user_agent=user_agent[:LONGEST_USER_AGENT],
                language=environ.get("HTTP_ACCEPT_LANGUAGE", "")[:LONGEST_LANGUAGE],
                country=self._find_country(address) if self._find_country else "",
                visitor=self.pseudonym(f"{address}\n{user_agent}"),
            )
            self._journal.append(line)
        except (OSError, UnicodeEncodeError) as error:  # no room; a header of lone surrogates
            self._drop(1, str(error))

    def report_dropped(self, pool: Pool) -> None:
        """Let Postgres know what was dropped, for `hop doctor` and other hosts to see.

        Raises:
            DatabaseUnavailableError: it is reported the next time.
        """
        dropped = self.dropped
        if dropped != self._reported:
            report_dropped(pool, self._process, dropped)
            self._reported = dropped

    def close(self) -> None:
        """Take no more clicks. What waits in memory and still cannot be written is lost."""
        lost = self._journal.seal()
        with contextlib.suppress(OSError):
            self._journal.sync()
        if lost:
            self._drop(lost, "the process ended before there was room")

    def pseudonym(self, text: str) -> str:
        """A hash of 16 hex digits that nobody can reverse, and that is another one tomorrow."""
        keyed = self._visitor_hash.copy()
        keyed.update(text.encode("utf-8", "replace"))
        return keyed.hexdigest()

    def _drop(self, clicks: int, reason: str) -> None:
        with self._dropping:
            self.dropped += clicks
            dropped, now = self.dropped, time.monotonic()
            silent = now - self._logged_at < LOG_EVERY_S
            if not silent:
                self._logged_at = now
        if not silent:
            log.error("clicks dropped", reason=reason, dropped=dropped)


def renew_visitor_key(recorder: ClickRecorder, pool: Pool) -> None:
    """Give the recorder the day's shared key, if it has another one.

    Raises:
        DatabaseUnavailableError: it goes on with the one that it has.
    """
    day = today()
    if recorder.visitor_key_day != day:
        recorder.use_visitor_key(day, take_visitor_key(pool, day))


def today() -> date:
    """The current day in UTC: the day that visitor keys and roll-ups go by."""
    return datetime.now(UTC).date()


def _keyed_hash(key: bytes) -> blake2b:
    """Made once per key: a copy is faster than to begin with the key each time."""
    return blake2b(key=key, digest_size=8)


def _without_query(referrer: str) -> str:
    """Host and path of a Referer header: queries hold search terms, tokens and addresses."""
    if not referrer:
        return ""
    try:
        parts = urlsplit(referrer)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return f"{host}{parts.path}"[:LONGEST_REFERRER]
