"""What the views of a request need to know: the process that serves it, and its own address."""

from typing import cast

from flask import current_app, request

from app.errors import InvalidHostError
from app.links.target_url import is_host
from app.process import WebProcess


def web_process() -> WebProcess:
    """The process that serves this request."""
    return cast("WebProcess", current_app.extensions["hop"])


def short_url(code: str) -> str:
    """The address of a short link: under the configured base, else under the requested host.

    Raises:
        InvalidHostError: there is neither.
    """
    base = web_process().settings.base_url or f"{_scheme()}://{_requested_host()}"
    return f"{base.rstrip('/')}/{code}"


def own_hosts() -> set[str]:
    """Hosts that lead back here: the requested one and the configured one.

    Raises:
        InvalidHostError: without a configured base, a short link would have no address.
    """
    base = web_process().settings.base_url
    if not base:
        return {_requested_host()}
    return {request.environ.get("HTTP_HOST", ""), base.partition("://")[2].partition("/")[0]}


def _requested_host() -> str:
    """The Host header as it was sent. Werkzeug's `request.host` refuses underscores."""
    host = str(request.environ.get("HTTP_HOST", ""))
    if not is_host(host):
        raise InvalidHostError("Send one Host header, such as Host: example.org.")
    return host


def _scheme() -> str:
    if request.scheme not in {"http", "https"}:  # a trusted proxy can claim any
        raise InvalidHostError("The proxy in front says neither http nor https.")
    return request.scheme
