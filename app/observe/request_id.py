"""The id under which a request is found in the logs."""

import re
import secrets
from typing import Final

from flask import g, has_request_context, request
from structlog.typing import EventDict, WrappedLogger

_GIVEN: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


def request_id() -> str:
    """The id that the client or a proxy sent, else a new one; the same for the whole request.

    Created at first use: a plain redirect needs none.
    """
    if "request_id" not in g:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
    return str(g.request_id)


def add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: adds the id of the request that is being served."""
    if has_request_context():
        event["request_id"] = request_id()
    return event
