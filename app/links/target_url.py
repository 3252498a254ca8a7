"""Which URLs may be shortened, and their normal form.

The library Ada parses them as browsers do (WHATWG URL Standard, https://url.spec.whatwg.org/), so
that hop and a browser never disagree about the host that a link leads to.
"""

import re
import socket
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Final

import ada_url

from app.errors import InvalidTargetError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WEB_PORTS: Final = {"80", "443"}
# Browsers would accept some of these in a host, and mean another one by them.
_NOT_IN_HOST: Final = re.compile(r"[^!-~]|[/\\?#@,%]")
_OWN_NAMES: Final = {"localhost", "ip6-localhost", "ip6-loopback", socket.gethostname().lower()}


def normalise_url(text: str, *, max_bytes: int, own_hosts: Collection[str]) -> str:
    """The normal form of a target: ASCII, punycode host, percent-encoded path.

    Args:
        text: what the user typed or pasted; surrounding spaces are dropped.
        max_bytes: upper bound of the normal form.
        own_hosts: `host` or `host:port` of this hop itself: a link to it would be a loop.

    Raises:
        InvalidTargetError: the message says what is wrong.
    """
    text = text.strip(" ")
    if not text:
        raise _refuse("Give the URL that the short link should lead to.")
    if _CONTROL.search(text):
        raise _refuse("It contains a line break or another control character.")
    if len(text.encode("utf-8", "replace")) > max_bytes:
        raise _refuse(f"It is longer than {max_bytes} bytes.")
    try:
        url = ada_url.URL(text)
    except ValueError as error:
        hint = " Did you forget https:// at the start?" if "://" not in text else ""
        raise _refuse(f"It is not a valid URL.{hint}") from error
    if url.protocol not in {"http:", "https:"}:
        raise _refuse("Only http:// and https:// addresses can be shortened.")
    if url.username or url.password:
        raise _refuse("It contains a user name or password; links are public.")
    if len(url.href) > max_bytes:
        raise _refuse(f"In normal form it is longer than {max_bytes} bytes.")
    if any(_same_host(url, own) for own in own_hosts):
        raise _refuse("It leads to this shortener itself.")
    return str(url.href)


def is_host(text: str) -> bool:
    """Whether a browser can be sent to this `host` or `host:port`."""
    if _NOT_IN_HOST.search(text):
        return False
    try:
        ada_url.URL(f"http://{text}/")
    except ValueError:
        return False
    return True


def _refuse(detail: str) -> InvalidTargetError:
    return InvalidTargetError(detail, field="url")


def _same_host(url: ada_url.URL, own: str) -> bool:
    """Whether a URL leads to `own`; the ports 80 and 443 count as one."""
    try:
        other = ada_url.URL(f"http://{own}")
    except ValueError:
        return False
    ports = {url.port or "80", other.port or "80"}
    same_name = _name(url) == _name(other) or (_is_this_machine(url) and _is_this_machine(other))
    return same_name and (len(ports) == 1 or ports <= _WEB_PORTS)


def _name(url: ada_url.URL) -> str:
    return str(url.hostname).removesuffix(".")


def _is_this_machine(url: ada_url.URL) -> bool:
    name = _name(url).strip("[]")
    if name in _OWN_NAMES or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback or (mapped or address).is_unspecified
