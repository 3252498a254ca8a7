"""Who may use the lab: it is work that a stranger must not be able to start."""

import hmac
from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import NotFound

from app.errors import CrossSiteError
from app.http.api.auth import require_admin
from app.http.context import web_process

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def require_open_lab() -> None:
    """A demo's lab is there for this machine alone.

    The demo listens on the loopback address, but a name that somebody else owns may lead there,
    too (DNS rebinding), and would pass for the same origin. So the name is checked.
    """
    if web_process().settings.lab == "demo" and _hostname() not in LOOPBACK:
        raise NotFound


def require_operator() -> None:
    """Let the request start, cancel or read runs: anybody in a demo, else the admin.

    Raises:
        UnauthorizedError: it does not carry the admin key.
    """
    if web_process().settings.lab == "admin":
        require_admin()


def require_reader(ticket: str | None) -> None:
    """Let the request read a report: with its run's ticket, if there is one, or as an operator."""
    if ticket is None or not hmac.compare_digest(
        request.args.get("ticket", "").encode(), ticket.encode()
    ):
        require_operator()


def require_same_origin() -> None:
    """Refuse what a page of another site makes a browser send; programs send neither header.

    Raises:
        CrossSiteError: it is such a request.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        # The scheme is not compared: behind a proxy we may not know our own.
        is_ours = origin is None or origin.partition("://")[2] == request.host
    if not is_ours:
        raise CrossSiteError("Use the page /lab/keys of this hop itself.")


def _hostname() -> str | None:
    try:
        return urlsplit(f"//{request.host}").hostname
    except ValueError:  # brackets that hold no address
        return None
