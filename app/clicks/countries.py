"""The country of an address, from a file in MaxMind's format.

It is looked up where the address is known, so that only the country is written down.
"""

import functools
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import maxminddb

FindCountry = Callable[[str], str]

# The cache is keyed by network: no database tells countries apart more finely.
_HOST_BITS: Final = {4: 8, 6: 80}  # of a /24 and a /48
_REMEMBERED: Final = 50_000
_PROBE: Final = "192.0.2.1"


def open_countries(path: str) -> FindCountry:
    """A function from an address to its ISO 3166-1 code, or "" if unknown. Thread-safe.

    Raises:
        ValueError: the file is missing, or not such a database.
    """
    try:
        database = maxminddb.open_database(path)
        database.get(_PROBE)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise ValueError(f"not a database in MaxMind's format: {error}") from error

    @functools.lru_cache(maxsize=_REMEMBERED)
    def country_of(version: int, network: int) -> str:
        try:
            return _iso_code(database.get(_first_address(version, network)))
        except (ValueError, maxminddb.InvalidDatabaseError):  # of IPv4 alone; damaged in places
            return ""

    def find(address: str) -> str:
        try:
            parsed = ip_address(address)
        except ValueError:  # a Unix socket has none
            return ""
        if isinstance(parsed, IPv6Address):
            parsed = parsed.ipv4_mapped or parsed
        return country_of(parsed.version, int(parsed) >> _HOST_BITS[parsed.version])

    return find


def _first_address(version: int, network: int) -> Any:
    first = network << _HOST_BITS[version]
    return ip_address(first) if version == 4 else IPv6Address(first)


def _iso_code(record: Any) -> str:
    """The code in `{"country": {"iso_code": "CH"}}`; other databases have other records."""
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() else ""
