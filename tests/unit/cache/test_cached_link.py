"""app.cache.cached_link.CachedLink: where a link leads at a moment."""

from datetime import UTC, datetime

import pytest

from app.cache.cached_link import CachedLink, to_cached_link
from app.errors import LinkDisabledError, LinkExpiredError, LinkNotFoundError
from db.links import Link

END = datetime(2030, 1, 1, tzinfo=UTC)
END_S = END.timestamp()


def test_target_is_given_until_the_moment_of_its_end():
    link = CachedLink(version=1, target_url="https://example.com/", expires_at=END_S)
    assert link.target(END_S - 0.001) == "https://example.com/"
    with pytest.raises(LinkExpiredError):
        link.target(END_S)


def test_target_is_given_for_ever_when_there_is_no_end():
    assert CachedLink(version=1, target_url="https://example.com/").target(1e18)


def test_target_is_kept_back_when_the_link_is_switched_off():
    link = CachedLink(version=1, target_url="https://example.com/", enabled=False)
    with pytest.raises(LinkDisabledError):
        link.target(0)


def test_no_link_is_not_found_and_older_than_any_link():
    missing = to_cached_link(None)
    assert missing.version == 0
    with pytest.raises(LinkNotFoundError):
        missing.target(0)


def test_row_keeps_what_a_redirect_needs_when_it_is_cached():
    row = Link("abc", "https://example.com/", END, END, enabled=False, version=7)
    assert to_cached_link(row) == CachedLink(7, "https://example.com/", END_S, enabled=False)
