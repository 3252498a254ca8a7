"""What the caches keep of a link."""

import msgspec

from db.links import Link


class CachedLink(msgspec.Struct, frozen=True, array_like=True):
    """What a redirect needs to know about a code. Without a target there is no such link."""

    version: int  # 0: there never was such a link
    target_url: str | None = None
    expires_at: float | None = None  # Unix time in seconds
    enabled: bool = True


def to_cached_link(link: Link | None) -> CachedLink:
    """What to cache for a row of `links`; for None, that there is no such link."""
    if link is None:
        return CachedLink(version=0)
    expires_at = link.expires_at.timestamp() if link.expires_at else None
    return CachedLink(link.version, link.target_url, expires_at, link.enabled)
