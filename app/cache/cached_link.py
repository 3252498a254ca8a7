"""What the caches keep of a link."""

import msgspec

from app.errors import LinkDisabledError, LinkExpiredError, LinkNotFoundError
from db.links import Link


class CachedLink(msgspec.Struct, frozen=True, array_like=True):
    """What a redirect needs to know about a code. Without a target there is no such link."""

    version: int  # 0: there never was such a link
    target_url: str | None = None
    expires_at: float | None = None  # Unix time in seconds
    enabled: bool = True

    def target(self, now: float) -> str:
        """The target URL, for a redirect at `now` (Unix time in seconds).

        Raises:
            LinkNotFoundError, LinkExpiredError, LinkDisabledError: the link does not redirect.
        """
        if self.target_url is None:
            raise LinkNotFoundError("Check the spelling: capitals matter.")
        if not self.enabled:
            raise LinkDisabledError("Its owner has switched it off.")
        if self.expires_at is not None and self.expires_at <= now:
            raise LinkExpiredError("Its owner gave it an end, which has passed.")
        return self.target_url


def to_cached_link(link: Link | None) -> CachedLink:
    """What to cache for a row of `links`; for None, that there is no such link."""
    if link is None:
        return CachedLink(version=0)
    expires_at = link.expires_at.timestamp() if link.expires_at else None
    return CachedLink(link.version, link.target_url, expires_at, link.enabled)
