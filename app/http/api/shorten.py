"""POST /shorten: the simplest way to a short link."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from flask import Blueprint, Response
from msgspec import Meta
from werkzeug.exceptions import MethodNotAllowed

from app.http.bodies import answer, read_body
from app.http.context import own_hosts, short_url, web_process
from app.links.target_url import normalise_url

blueprint = Blueprint("shorten", __name__)

MAX_TTL_S: Final = 100 * 366 * 86_400


class ShortenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of the request."""

    url: str
    alias: str | None = None
    ttl: Annotated[int, Meta(ge=1, le=MAX_TTL_S)] | None = None  # seconds


class ShortenAnswer(msgspec.Struct):
    """The link that was created."""

    short_code: str
    short_url: str
    url: str  # in normal form
    expires_at: datetime | None


@blueprint.get("/shorten")
def refuse_get() -> Response:
    """Without this, the route of short links would answer that there is no such link."""
    raise MethodNotAllowed(["POST"])


@blueprint.post("/shorten")
def shorten() -> Response:
    """Create a link; 201 with its code."""
    process, body = web_process(), read_body(ShortenRequest)
    target_url = normalise_url(
        body.url, max_bytes=process.settings.max_url_bytes, own_hosts=own_hosts()
    )
    expires_at = datetime.now(UTC) + timedelta(seconds=body.ttl) if body.ttl else None
    link = process.shortener.shorten(target_url, body.alias, expires_at)
    created = ShortenAnswer(link.code, short_url(link.code), link.target_url, link.expires_at)
    return answer(created, 201)
