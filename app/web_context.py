"""What every view may ask for: the process's resources, and where this hop is reached."""

from typing import cast

from flask import current_app, request

from app.resources import Resources


def resources() -> Resources:
    """The resources of the app that serves the present request."""
    return cast("Resources", current_app.extensions["hop"])


def short_url(code: str) -> str:
    """The address of a short link: under the configured base, else where the client found us."""
    # Not `request.host_url`: it spells the host for people, which takes longer than the INSERT.
    base = resources().settings.base_url or f"{request.scheme}://{request.host}"
    return f"{base.rstrip('/')}/{code}"


def own_hosts() -> set[str]:
    """Hosts that lead back here: the one of this request, and the configured one."""
    base = resources().settings.base_url
    return {request.host} | ({base.partition("://")[2].partition("/")[0]} if base else set())
