"""Which addresses may be shortened, and their normal form.

Parsed as browsers do (the WHATWG URL Standard, by the library Ada), so that hop and the browser
never disagree about which host a link leads to.
"""

import re
from collections.abc import Collection
from typing import Final

import ada_url

from app.errors import InvalidTargetError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LOOPBACK: Final = {"localhost", "127.0.0.1", "[::1]"}
_WEB_PORTS: Final = {"80", "443"}


def normalise(text: str, *, max_bytes: int, own_hosts: Collection[str]) -> str:
    """The normal form of a target: ASCII, punycode host, percent-encoded path.

    Args:
        text: what the user typed or pasted; spaces around it are dropped.
        max_bytes: longest normal form accepted.
        own_hosts: `host` or `host:port` under which this hop itself is reached.

    Raises:
        InvalidTargetError: saying what is wrong with it.
    """
    text = text.strip(" ")
    if not text:
        raise _refuse("Give the address that the short link should lead to.")
    if _CONTROL.search(text):
        raise _refuse("It holds a line break or another control character.")
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
        raise _refuse("It holds a user name or password; links are public.")
    if len(url.href) > max_bytes:
        raise _refuse(f"In normal form it is longer than {max_bytes} bytes.")
    if any(_same_host(url.host, own) for own in own_hosts):
        raise _refuse("It leads to this shortener itself.")
    return str(url.href)


def _refuse(detail: str) -> InvalidTargetError:
    return InvalidTargetError(detail, field="url")


def _same_host(host: str, own: str) -> bool:
    """Whether both name one server; a trailing dot, and the two web ports, make no difference."""
    name, port = _split_port(host)
    own_name, own_port = _split_port(own.lower())
    same_name = name == own_name or (name in _LOOPBACK and own_name in _LOOPBACK)
    return same_name and (port == own_port or {port, own_port} <= _WEB_PORTS)


def _split_port(host: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)(?::(\d+))?", host)
    assert found is not None  # noqa: S101 - the pattern matches any text
    return found[1].removesuffix("."), found[2] or "80"
