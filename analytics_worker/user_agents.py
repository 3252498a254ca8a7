"""What a User-Agent header says: browser, system, kind of device, and whether it is a bot."""

from typing import Final

from crawleruseragents import is_crawler
from ua_parser import parse

from db.clicks.tallies import Agent

UNKNOWN: Final = "unknown"

_DESKTOP: Final = ("Windows NT", "Macintosh", "X11;", "CrOS")
_LIBRARIES: Final = ("python-urllib3",)  # HTTP clients that the list of bots leaves out
_TABLETS: Final = ("iPad", "Tablet", "Kindle")


def read_user_agent(header: str) -> Agent:
    """Read a header, which takes hundreds of patterns: one that is met again should not be.

    An empty one counts as a bot's: every browser sends it.
    """
    found = parse(header)
    browser = found.user_agent.family if found.user_agent else UNKNOWN
    system = found.os.family if found.os else UNKNOWN
    return Agent(browser, system, _device(header, system), _is_bot(header))


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
