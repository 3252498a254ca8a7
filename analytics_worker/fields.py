"""Turns headers into the values of dimensions. Results are cached: few values are distinct."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from crawleruseragents import is_crawler
from ua_parser import parse

DIRECT: Final = "direct"
UNKNOWN: Final = "unknown"
MAX_VALUE_CHARACTERS: Final = 100
CACHE_SIZE: Final = 50_000  # distinct values per field

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DESKTOP: Final = ("Windows NT", "Macintosh", "X11;", "CrOS")
_LIBRARIES: Final = ("python-urllib3",)  # HTTP clients missing from the list of crawlers
_TABLETS: Final = ("iPad", "Tablet", "Kindle")


class Agent(NamedTuple):
    """A parsed User-Agent header. Names are those of the ua-parser project, or `unknown`."""

    browser: str
    os: str
    device: str  # mobile, tablet, desktop or unknown
    is_bot: bool


@lru_cache(CACHE_SIZE)
def read_user_agent(header: str) -> Agent:
    """Parse a User-Agent header. This tries hundreds of patterns, so the cache matters.

    An empty header counts as a bot's, because every browser sends one.
    """
    found = parse(header)
    browser = found.user_agent.family if found.user_agent else UNKNOWN
    system = found.os.family if found.os else UNKNOWN
    return Agent(_storable(browser), _storable(system), _device(header, system), _is_bot(header))


@lru_cache(CACHE_SIZE)
def read_referrer(host: str) -> str:
    """Clean the host of a Referer header; `direct` when it is empty."""
    return _storable(host) or DIRECT


@lru_cache(CACHE_SIZE)
def read_country(country: str) -> str:
    """Clean a country code; `unknown` when it is empty."""
    return _storable(country) or UNKNOWN


@lru_cache(CACHE_SIZE)
def read_language(header: str) -> str:
    """The first language of an Accept-Language header, without its region, or `unknown`."""
    found = _LANGUAGE.match(header)
    return found[0].lower() if found else UNKNOWN


def _storable(value: str) -> str:
    """Remove control characters, since Postgres rejects NUL in text, and bound the length."""
    return _CONTROL.sub("", value)[:MAX_VALUE_CHARACTERS]


def _is_bot(header: str) -> bool:
    return not header or header.startswith(_LIBRARIES) or is_crawler(header)


def _device(header: str, system: str) -> str:
    if any(word in header for word in _TABLETS):
        return "tablet"
    if system == "Android":
        # By Google's convention, browsers omit "Mobile" on Android tablets.
        return "mobile" if "Mobile" in header else "tablet"
    if system == "iOS" or "Mobi" in header:
        return "mobile"
    return "desktop" if any(word in header for word in _DESKTOP) else UNKNOWN
