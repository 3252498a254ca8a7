"""The address of a client in one form, however a server or proxy writes it."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

_IPV4_WITH_PORT: Final = re.compile(r"([0-9.]+):\d+")
_BRACKETED: Final = re.compile(r"\[(.+)\](?::\d+)?")


@lru_cache(maxsize=50_000)
def canonical_address(text: str) -> str:
    """The address without port and brackets, IPv6 compressed and in lower case.

    An IPv4 address that arrives on an IPv6 socket (`::ffff:192.0.2.1`) is an IPv4 address. What
    is no address, such as a Unix socket's, stays as it is.
    """
    found = _IPV4_WITH_PORT.fullmatch(text) or _BRACKETED.fullmatch(text)
    try:
        address = ip_address(found[1] if found else text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
