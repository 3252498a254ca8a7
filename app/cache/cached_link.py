"""A link as the caches keep it, and what stands in Redis under its code."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from app.errors import LinkDisabledError, LinkExpiredError, LinkNotFoundError
from db.links import Link


class CachedLink(msgspec.Struct, frozen=True, array_like=True):
    """What a redirect needs to know of a code; without a target there is no such link."""

    version: int
    target_url: str | None = None
    expires_at: float | None = None  # Unix time in seconds
    enabled: bool = True

    def target(self, now: float) -> str:
        """Where to redirect at `now`, Unix time in seconds.

        Raises:
            LinkNotFoundError, LinkExpiredError, LinkDisabledError: nowhere.
        """
        if self.target_url is None:
            raise LinkNotFoundError("Check the spelling: capitals matter.")
        if not self.enabled:
            raise LinkDisabledError("Its owner has switched it off.")
        if self.expires_at is not None and self.expires_at <= now:
            raise LinkExpiredError("Its owner gave it an end, which has passed.")
        return self.target_url


def cached_form(link: Link | None) -> CachedLink:
    """A row as it is cached; None as "there is no such link"."""
    if link is None:
        return CachedLink(version=0)
    end = link.expires_at.timestamp() if link.expires_at else None
    return CachedLink(link.version, link.target_url, end, link.enabled)


# Who gave an answer. `rule`: no link can have such a code. `stale`: Redis, past its time. `shared`:
# another request of this process, which asked at the same time.
Tier = Literal["rule", "memory", "redis", "stale", "shared", "postgres"]


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, and who gave it. A link that is known not to be there is an answer, too."""

    link: CachedLink
    tier: Tier

    @property
    def may_be_kept(self) -> bool:
        """Whether memory may keep it: the reader has looked for it after it took its ticket."""
        return self.tier in {"redis", "postgres"}


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What stands in Redis for a code. Times are Unix times in seconds."""

    link: CachedLink
    began: float
    # From then on it may be served while somebody looks into Postgres, and no longer than that.
    fresh_until: float


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """`<version> <JSON>`: the version in front is for the compare-and-set inside Redis."""
    return b"%d %s" % (entry.link.version, _encoder.encode(entry))


def decode_entry(value: bytes) -> Entry | None:
    """Read it; None when it is damaged, or of a release that wrote another form."""
    try:
        return _decoder.decode(value.partition(b" ")[2])
    except msgspec.DecodeError:
        return None
