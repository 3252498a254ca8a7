"""POST /shorten: the shortest way to a short link."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from app.http.api.bodies import answer, read_body
from app.http.context import own_hosts, resources, short_url
from app.links import shorten as links
from app.links import target_url

blueprint = Blueprint("shorten", __name__)

LONGEST_TTL_S = 100 * 366 * 86_400


class ShortenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for."""

    url: str
    alias: str | None = None
    ttl: Annotated[int, Meta(ge=1, le=LONGEST_TTL_S)] | None = None  # seconds


class ShortenAnswer(msgspec.Struct):
    """What was made."""

    short_code: str
    short_url: str
    url: str  # in normal form
    expires_at: datetime | None


@blueprint.post("/shorten")
def shorten() -> Response:
    """Create a link; 201 with its code."""
    hop, asked = resources(), read_body(ShortenRequest)
    target = target_url.normalise(
        asked.url, max_bytes=hop.settings.max_url_bytes, own_hosts=own_hosts()
    )
    expires_at = datetime.now(UTC) + timedelta(seconds=asked.ttl) if asked.ttl else None
    link = links.shorten(hop.store, target, asked.alias, expires_at)
    made = ShortenAnswer(link.code, short_url(link.code), link.target_url, link.expires_at)
    return answer(made, 201)
