"""What the views of a request need to know: the process that serves it, and its own address."""

from typing import cast

from flask import current_app, request

from app.errors import InvalidHostError
from app.process import WebProcess


def web_process() -> WebProcess:
    """The process that serves this request."""
    return cast("WebProcess", current_app.extensions["hop"])


def short_url(code: str) -> str:
    """The address of a short link: under the configured base, else under the requested host.

    Raises:
        InvalidHostError: there is neither.
    """
    # Not `request.host_url`: decoding the host for people takes a twelfth of a shorten.
    base = web_process().settings.base_url or f"{request.scheme}://{_requested_host()}"
    return f"{base.rstrip('/')}/{code}"


def own_hosts() -> set[str]:
    """Hosts that lead back here: the requested one and the configured one.

    Raises:
        InvalidHostError: without a configured base, a short link would have no address.
    """
    base = web_process().settings.base_url
    if not base:
        return {_requested_host()}
    return {request.host, base.partition("://")[2].partition("/")[0]}


def _requested_host() -> str:
    if not request.host:  # missing, or with characters that no host has
        raise InvalidHostError("Send a Host header, such as Host: example.org.")
    return request.host
