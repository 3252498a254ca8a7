"""What the caches keep of a link, and where it leads at a moment."""

from datetime import UTC, datetime

import pytest

from app.cache.cached_link import CachedLink, to_cached_link
from app.errors import LinkDisabledError, LinkExpiredError, LinkNotFoundError
from app.redirect.view import get_target
from db.links import Link

END = datetime(2030, 1, 1, tzinfo=UTC)
END_S = END.timestamp()
TARGET = "https://example.com/"


def test_target_is_given_until_the_moment_of_its_end():
    link = CachedLink(version=1, target_url="https://example.com/", expires_at=END_S)
    assert get_target(link, END_S - 0.001) == "https://example.com/"
    with pytest.raises(LinkExpiredError):
        get_target(link, END_S)


def test_target_is_given_for_ever_when_there_is_no_end():
    assert get_target(CachedLink(version=1, target_url=TARGET), 1e18) == TARGET


def test_target_is_kept_back_when_the_link_is_switched_off():
    link = CachedLink(version=1, target_url="https://example.com/", enabled=False)
    with pytest.raises(LinkDisabledError):
        get_target(link, 0)


def test_no_link_is_not_found_and_older_than_any_link():
    missing = to_cached_link(None)
    assert missing.version == 0
    with pytest.raises(LinkNotFoundError):
        get_target(missing, 0)


def test_row_keeps_what_a_redirect_needs_when_it_is_cached():
    row = Link("abc", "https://example.com/", END, END, enabled=False, version=7)
    assert to_cached_link(row) == CachedLink(7, "https://example.com/", END_S, enabled=False)
