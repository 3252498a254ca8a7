"""What the fields of a click say. Each reading is cached: the same values come again and again."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from crawleruseragents import is_crawler
from ua_parser import parse

DIRECT: Final = "direct"
UNKNOWN: Final = "unknown"
LONGEST_VALUE: Final = 100
MOST_CACHED: Final = 50_000  # different values of each field

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DESKTOP: Final = ("Windows NT", "Macintosh", "X11;", "CrOS")
_LIBRARIES: Final = ("python-urllib3",)  # HTTP clients that the list of bots leaves out
_TABLETS: Final = ("iPad", "Tablet", "Kindle")


class Agent(NamedTuple):
    """What a User-Agent header says. Names as the ua-parser project spells them, or `unknown`."""

    browser: str
    os: str
    device: str  # mobile, tablet, desktop or unknown
    is_bot: bool


@lru_cache(MOST_CACHED)
def read_user_agent(header: str) -> Agent:
    """Read a header, which takes hundreds of patterns.

    An empty one counts as a bot's: every browser sends it.
    """
    found = parse(header)
    browser = found.user_agent.family if found.user_agent else UNKNOWN
    system = found.os.family if found.os else UNKNOWN
    return Agent(_storable(browser), _storable(system), _device(header, system), _is_bot(header))


@lru_cache(MOST_CACHED)
def read_referrer(host: str) -> str:
    """The host of a Referer header, or `direct`."""
    return _storable(host) or DIRECT


@lru_cache(MOST_CACHED)
def read_country(country: str) -> str:
    """A country, or `unknown`."""
    return _storable(country) or UNKNOWN


@lru_cache(MOST_CACHED)
def read_language(header: str) -> str:
    """The first language of an Accept-Language header, without its region, or `unknown`."""
    found = _LANGUAGE.match(header)
    return found[0].lower() if found else UNKNOWN


def _storable(value: str) -> str:
    """Bounded, and without control characters; Postgres accepts no NUL in text."""
    return _CONTROL.sub("", value)[:LONGEST_VALUE]


def _is_bot(header: str) -> bool:
    return not header or header.startswith(_LIBRARIES) or is_crawler(header)


def _device(header: str, system: str) -> str:
    if any(word in header for word in _TABLETS):
        return "tablet"
    if system == "Android":
        # Chrome leaves the word out on tablets, as Google asks of it.
        return "mobile" if "Mobile" in header else "tablet"
    if system == "iOS" or "Mobi" in header:
        return "mobile"
    return "desktop" if any(word in header for word in _DESKTOP) else UNKNOWN
