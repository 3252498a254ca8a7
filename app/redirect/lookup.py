"""Where a code leads: from Redis, else from Postgres, which is asked as rarely as can be.

What must always hold: of all who meet one code that is not cached, one per process asks on, and of
the processes one asks Postgres, for as long as its lease lasts. The others get its answer, or that
of an entry which is past its time but was never replaced.
"""

import time
from collections.abc import Callable
from typing import Final

from app.cache.cached_link import Entry, Found, cached_form
from app.links.alias import is_code
from app.links.shorten import LinkStore
from app.redirect.trace import Trace, note_redis
from db.errors import DatabaseUnavailableError
from db.links import find_link

# How often one looks whether the process that holds the lease has found the link.
LOOK_AGAIN_S: Final = 0.01
# After this it is thought dead or stuck, and one asks Postgres as well.
LEASE_WAIT_S: Final = 0.4


def resolve(
    store: LinkStore,
    code: str,
    trace: Trace | None = None,
    admit: Callable[[], None] = lambda: None,
) -> Found:
    """Where a code leads.

    Args:
        store: where to look.
        code: as it was asked for.
        trace: takes down the steps.
        admit: called before Postgres is asked for a code that is in no cache; what it raises is
            the answer.

    Raises:
        DatabaseUnavailableError: it is not cached, and Postgres cannot be asked. That is not the
            same as "no such link".
    """
    trace, now = trace or Trace(), time.time()
    if not is_code(code):
        return Found(cached_form(None), "rule")
    entry = store.cache.get(code)
    note_redis(entry, now, trace)
    if entry is not None and now < entry.fresh_until:
        return Found(entry.link, "redis")
    if entry is None:
        admit()
    found = _look_up(store, code, Found(entry.link, "stale") if entry else None)
    trace.note(found.tier, "hit" if found.link.target_url else "unknown")
    return found


def _look_up(store: LinkStore, code: str, stale: Found | None) -> Found:
    """Look beyond Redis, as one of those who ask for this code in this process."""
    # After a change nobody joins a look-up that began before it.
    key = code, store.hot.last_change(f"/{code}")
    try:
        found, is_own = store.flights.share(key, lambda: _look_up_alone(store, code, stale), stale)
    except (DatabaseUnavailableError, TimeoutError) as error:
        if stale is not None:
            return stale
        raise DatabaseUnavailableError(f"no look-up of this code has succeeded: {error}") from error
    return found if is_own or stale else Found(found.link, "shared")


def _look_up_alone(store: LinkStore, code: str, stale: Found | None) -> Found:
    """As the only one of this process: ask Postgres, or wait for the process that does."""
    if store.cache.take_lease(code):
        try:
            link = cached_form(find_link(store.pool, code))
        except DatabaseUnavailableError:
            store.cache.end_lease(code)
            raise
        store.cache.fill(code, link)
        return Found(link, "postgres")
    if stale is not None:
        return stale
    entry = _wait_for_entry(store, code)
    if entry is not None:
        return Found(entry.link, "redis")
    return Found(cached_form(find_link(store.pool, code)), "postgres")


def _wait_for_entry(store: LinkStore, code: str) -> Entry | None:
    deadline = time.monotonic() + LEASE_WAIT_S
    while time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_S)
        entry = store.cache.get(code)
        if entry is not None:
            return entry
    return None
