"""Creating links, one at a time or many at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from app.cache.cached_link import to_cached_link
from app.cache.redis_cache import RedisCache
from app.errors import AliasTakenError
from app.links.alias import check_alias, is_reserved
from db.connect.pool import Pool, place_in
from db.links import Link, NewLink, insert_links
from guard.group_commit import GroupCommit
from keygen.errors import CodesUnavailableError
from keygen.strategies import Strategy

log = structlog.get_logger(__name__)

# A generated code may be taken: as an alias before, or by chance under strategies that draw codes.
# This many in a row mean something else, such as a restored database with an older `next_id`.
MAX_ATTEMPTS: Final = 50
# An INSERT of this many rows takes a few hundredths of a second, far from Postgres's time-out.
MAX_BULK: Final = 1_000


class Shortener:
    """Creates links. Thread-safe."""

    def __init__(self, pool: Pool, redis_cache: RedisCache, strategy: Strategy) -> None:
        """Use the database, the cache to fill, and the strategy that makes codes."""
        self.pool = pool
        self.strategy = strategy
        self.inserts: GroupCommit[NewLink, Link | None] = GroupCommit()
        self._redis_cache = redis_cache

    def shorten(
        self, target_url: str, alias: str | None = None, expires_at: datetime | None = None
    ) -> Link:
        """Create a link.

        Args:
            target_url: in normal form, see `target_url.normalise_url`.
            alias: the code that the link should have; None for a generated one.
            expires_at: when the link ends, aware; None for never.

        Raises:
            InvalidAliasError, AliasTakenError: the alias cannot be used.
            CodesUnavailableError: no code can be had now; nothing was created.
            DatabaseUnavailableError: not now; the link may have been created.
        """
        if alias is not None:
            check_alias(alias)
        # The thread may wait for a code or for its group before it waits for Postgres.
        with place_in(self.pool):
            if alias is None:
                return self._insert_generated(target_url, expires_at)
            link = self._insert(NewLink(alias, target_url, expires_at))
        if link is None:
            raise AliasTakenError(
                f"{alias!r} belongs to another link, or did once. Choose another.", field="alias"
            )
        return link

    def shorten_many(self, target_urls: Sequence[str]) -> list[Link]:
        """Create a link with a generated code and no end for each target.

        If it fails, some links may have been created. Nobody knows their codes.

        Args:
            target_urls: in normal form; at most MAX_BULK, repetitions allowed.

        Returns:
            The links in the order of their targets.

        Raises:
            ValueError: there are too many targets.
            CodesUnavailableError, DatabaseUnavailableError: not now.
        """
        if len(target_urls) > MAX_BULK:
            raise ValueError(f"{len(target_urls):,} targets; at most {MAX_BULK:,} at once")
        made: dict[int, Link] = {}
        for attempt in range(MAX_ATTEMPTS):
            missing = [index for index in range(len(target_urls)) if index not in made]
            if not missing:
                break
            made |= self._try_codes(target_urls, missing, attempt)
        if len(made) < len(target_urls):
            raise CodesUnavailableError(f"{MAX_ATTEMPTS} codes in a row were taken")
        links = {link.code: to_cached_link(link) for link in made.values()}
        self._redis_cache.fill_many(links, is_patient=True)
        return [made[index] for index in range(len(target_urls))]

    def _insert_generated(self, target_url: str, expires_at: datetime | None) -> Link:
        for attempt in range(MAX_ATTEMPTS):
            code = self.strategy.candidate(target_url, attempt)
            if is_reserved(code):
                continue
            link = self._insert(NewLink(code, target_url, expires_at))
            if link is not None:
                return link
            log.debug("code is taken", code=code, attempt=attempt)
        raise CodesUnavailableError(f"{MAX_ATTEMPTS} codes in a row were taken")

    def _insert(self, new: NewLink) -> Link | None:
        """Create a link together with those of concurrent requests; None if its code is taken."""
        with self.inserts.join(new) as place:
            if place.group:
                place.write(self._insert_group([member.item for member in place.group]))
        return place.result

    def _insert_group(self, group: Sequence[NewLink]) -> list[Link | None]:
        first_with: dict[str, NewLink] = {}  # by code: an alias may be asked for twice
        for new in group:
            first_with.setdefault(new.code, new)
        made = insert_links(self.pool, first_with.values())
        # Not left to the first reader: a cached "no such link" may have to be replaced.
        self._redis_cache.fill_many({code: to_cached_link(link) for code, link in made.items()})
        return [made.get(new.code) if first_with[new.code] is new else None for new in group]

    def _try_codes(
        self, target_urls: Sequence[str], indices: Sequence[int], attempt: int
    ) -> dict[int, Link]:
        """Try one code for each of these targets; the links created, by index."""
        index_of: dict[str, int] = {}
        for index in indices:
            code = self.strategy.candidate(target_urls[index], attempt)
            if not is_reserved(code):
                index_of.setdefault(code, index)  # strategy hash proposes one code per target
        new = [NewLink(code, target_urls[index]) for code, index in index_of.items()]
        return {index_of[code]: link for code, link in insert_links(self.pool, new).items()}
