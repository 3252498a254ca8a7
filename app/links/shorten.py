"""What can be done with links: shorten, edit, delete. Where one leads: `app.redirect.lookup`."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from app.cache.cached_link import CachedLink, Found, cached_form
from app.cache.memory import HotTable
from app.cache.redis_cache import LinkCache
from app.errors import AliasTakenError, EditConflictError, LinkNotFoundError
from app.links.alias import check_alias, is_code, is_reserved
from app.links.conflicts import ConflictCount
from app.links.doubts import Doubts
from db.connect.pool import Pool, place_in
from db.errors import DatabaseUnavailableError
from db.links import (
    Link,
    NewLink,
    delete_link,
    find_deleted_version,
    find_link,
    insert_links,
    update_link,
)
from guard.group_commit import GroupCommit
from guard.single_flight import Flights
from keygen.errors import CodesUnavailableError
from keygen.strategies import Strategy

# Counted codes meet a conflict where a code was chosen as an alias before, drawn ones by chance: so
# rarely that many in a row mean something else, such as a restored database with an older
# `next_id`.
MAX_ATTEMPTS = 50
EDIT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class LinkStore:
    """Where links live: Postgres, the two caches before it, and the maker of new codes."""

    pool: Pool
    cache: LinkCache
    strategy: Strategy
    hot: HotTable = field(default_factory=HotTable)
    conflicts: ConflictCount = field(default_factory=ConflictCount)
    flights: Flights[Found] = field(default_factory=Flights)
    inserts: GroupCommit[NewLink, Link | None] = field(default_factory=GroupCommit)
    doubts: Doubts = field(default_factory=Doubts)


def shorten(
    store: LinkStore, target_url: str, alias: str | None = None, expires_at: datetime | None = None
) -> Link:
    """Create a link.

    Args:
        store: where to.
        target_url: in normal form, see `target_url.normalise`.
        alias: the code wished for; None for the next generated one.
        expires_at: when it ends, aware; None for never.

    Raises:
        InvalidAliasError, AliasTakenError: the alias cannot be had.
        CodesUnavailableError: not at present; nothing was created.
        DatabaseUnavailableError: not at present; when it broke off, it may have been created.
    """
    if alias is not None:
        check_alias(alias)
    with place_in(store.pool):  # also while it waits for a code, or for its group
        if alias is None:
            return _insert_generated(store, target_url, expires_at)
        link = _insert(store, NewLink(alias, target_url, expires_at))
    if link is None:
        raise AliasTakenError(
            f"{alias!r} belongs to another link, or did once. Choose another.", field="alias"
        )
    return link


def _insert_generated(store: LinkStore, target_url: str, expires_at: datetime | None) -> Link:
    for attempt in range(MAX_ATTEMPTS):
        code = store.strategy.candidate(target_url, attempt)
        if is_reserved(code):
            continue
        link = _insert(store, NewLink(code, target_url, expires_at))
        if link is not None:
            return link
        store.conflicts.record(code, attempt)
    raise CodesUnavailableError(f"{MAX_ATTEMPTS} codes in a row were taken")


def _insert(store: LinkStore, new: NewLink) -> Link | None:
    """Create a link, with those of requests that come meanwhile; None: the code is taken."""
    return store.inserts.commit(new, lambda group: _insert_group(store, group))


def _insert_group(store: LinkStore, group: Sequence[NewLink]) -> list[Link | None]:
    firsts: dict[str, NewLink] = {}  # of those who want the same code
    for new in group:
        firsts.setdefault(new.code, new)
    made = insert_links(store.pool, list(firsts.values()))
    # Not left to the first reader: there may be a cached "no such link" to replace.
    store.cache.fill_many({code: cached_form(link) for code, link in made.items()})
    return [made.get(new.code) if firsts[new.code] is new else None for new in group]


def get_link(store: LinkStore, code: str) -> Link:
    """The row of a code, from Postgres.

    Raises:
        LinkNotFoundError: there is none.
    """
    link = find_link(store.pool, code) if is_code(code) else None
    if link is None:
        raise LinkNotFoundError(f"No link has the code {code!r}.")
    return link


def edit(store: LinkStore, code: str, **changes: str | bool | datetime | None) -> Link:
    """Change `target_url`, `expires_at` or `enabled` of a link; what is not named stays.

    Raises:
        LinkNotFoundError: there is no such link.
        EditConflictError: others kept changing it at the same time.
    """
    for _ in range(EDIT_ATTEMPTS):
        changed = dataclasses.replace(get_link(store, code), **changes)  # type: ignore[arg-type]
        with _doubted(store, code):
            written = update_link(store.pool, changed)
        if written is not None:
            _announce(store, code, cached_form(written))
            return written
    raise EditConflictError("Read it again and repeat the change.")


def delete(store: LinkStore, code: str) -> None:
    """Delete a link. Its code is never given out again.

    Raises:
        LinkNotFoundError: there is no such link.
    """
    with _doubted(store, code):
        deletion = delete_link(store.pool, code) if is_code(code) else None
    if deletion is None:
        raise LinkNotFoundError(f"No link has the code {code!r}.")
    # Also when it was deleted before: the answer to the first request may have been lost, and the
    # cache not told.
    _announce(store, code, CachedLink(deletion.version))
    if not deletion.is_new:
        raise LinkNotFoundError(f"The link {code!r} was deleted before.")


def settle(store: LinkStore) -> None:
    """Tell the caches of changes that may have been made. Called now and then.

    Raises:
        DatabaseUnavailableError: they are not settled yet.
    """
    store.doubts.settle(lambda code: _announce_anew(store, code))


@contextmanager
def _doubted(store: LinkStore, code: str) -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailableError:
        store.doubts.add(code)
        raise


def _announce_anew(store: LinkStore, code: str) -> None:
    link = find_link(store.pool, code)
    if link is not None:
        _announce(store, code, cached_form(link))
    elif (version := find_deleted_version(store.pool, code)) is not None:
        _announce(store, code, CachedLink(version))


def _announce(store: LinkStore, code: str, entry: CachedLink) -> None:
    """Tell the caches of a change: Redis, which tells all processes, and our own memory at once.

    In this order: what a reader finds in Redis after our memory has forgotten is the new entry.
    """
    store.cache.publish(code, entry)
    store.hot.drop(f"/{code}")
