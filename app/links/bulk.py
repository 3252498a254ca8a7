"""Many links at once: one INSERT for all of them, and few calls of Redis."""

from collections.abc import Sequence
from typing import Final

from app.cache.cached_link import cached_form
from app.links.alias import is_reserved
from app.links.shorten import MAX_ATTEMPTS, LinkStore
from db.links import Link, NewLink, insert_links
from keygen.errors import CodesUnavailableError

# An INSERT of so many takes a few hundredths of a second: far from Postgres's time-out.
MOST_AT_ONCE: Final = 1_000


def shorten_many(store: LinkStore, target_urls: Sequence[str]) -> list[Link]:
    """Create a link with a generated code and no end for each target.

    What could not be done leaves no trace that matters: a link whose code nobody was told is a row
    that is never read, like that of a `shorten` whose answer was lost.

    Args:
        store: where to.
        target_urls: in normal form, see `target_url.normalise`; at most MOST_AT_ONCE, and the same
            one as often as one likes.

    Returns:
        The links in the order of their targets.

    Raises:
        ValueError: too many.
        CodesUnavailableError, DatabaseUnavailableError: not at present; some may have been created.
    """
    if len(target_urls) > MOST_AT_ONCE:
        raise ValueError(f"{len(target_urls):,} targets; at most {MOST_AT_ONCE:,} at once")
    made: dict[int, Link] = {}
    for attempt in range(MAX_ATTEMPTS):
        waiting = [place for place in range(len(target_urls)) if place not in made]
        made |= _insert_generated(store, target_urls, waiting, attempt)
        if len(made) == len(target_urls):
            break
    else:
        raise CodesUnavailableError(f"{MAX_ATTEMPTS} codes in a row were taken")
    store.cache.fill_many({link.code: cached_form(link) for link in made.values()}, is_patient=True)
    return [made[place] for place in range(len(target_urls))]


def _insert_generated(
    store: LinkStore, target_urls: Sequence[str], waiting: Sequence[int], attempt: int
) -> dict[int, Link]:
    """Try a code for each target that waits; returns the links that were made, by place."""
    place_of: dict[str, int] = {}
    for place in waiting:
        code = store.strategy.candidate(target_urls[place], attempt)
        # Two of a batch may propose the same: equal targets do under strategy hash.
        if not is_reserved(code) and place_of.setdefault(code, place) != place:
            store.conflicts.record(code, attempt)
    new = [NewLink(code, target_urls[place]) for code, place in place_of.items()]
    links = insert_links(store.pool, new)
    for code in place_of.keys() - links.keys():
        store.conflicts.record(code, attempt)
    return {place_of[code]: link for code, link in links.items()}
