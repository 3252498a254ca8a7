"""What every view may ask for: the process's resources, and where this hop is reached."""

from typing import cast

from flask import current_app, request

from app.errors import InvalidHostError
from app.process import Resources


def resources() -> Resources:
    """The resources of the app that serves the present request."""
    return cast("Resources", current_app.extensions["hop"])


def short_url(code: str) -> str:
    """The address of a short link: under the configured base, else where the client found us.

    Raises:
        InvalidHostError: nobody can say where that is.
    """
    # Not `request.host_url`: it spells the host for people, which was a twelfth of a shorten.
    base = resources().settings.base_url or f"{request.scheme}://{_asked_host()}"
    return f"{base.rstrip('/')}/{code}"


def own_hosts() -> set[str]:
    """Hosts that lead back here: the one of this request, and the configured one.

    Raises:
        InvalidHostError: there would be no address for a short link.
    """
    base = resources().settings.base_url
    if not base:
        return {_asked_host()}
    return {request.host, base.partition("://")[2].partition("/")[0]}


def _asked_host() -> str:
    if not request.host:  # Werkzeug found none, or characters that no host has
        raise InvalidHostError("Send a Host header, such as Host: example.org.")
    return request.host
