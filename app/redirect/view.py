"""GET /<code>, when the hot path has no answer: look up, refuse or redirect, record the click."""

import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from app.cache.cached_link import CachedLink
from app.clicks.address import canonical_address
from app.clicks.recorder import ClickRecorder
from app.errors import LinkDisabledError, LinkExpiredError, LinkNotFoundError
from app.observe.metrics import REDIRECTS
from app.redirect.lookup import LinkReader

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Redirect(Response):
    """A redirect without a body, to exactly the URL that it is given.

    Not flask.redirect(): its default status is changing, its body repeats the target, and Werkzeug
    would escape some characters of the URL differently than browsers do.
    """

    default_mimetype = None

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """The headers as they are."""
        return Headers([*self.headers, ("Content-Length", "0")])


def get_target(link: CachedLink, now: float) -> str:
    """The target URL of a link that redirects at `now` (Unix time in seconds).

    Raises:
        LinkNotFoundError, LinkDisabledError, LinkExpiredError: it does not redirect.
    """
    if link.target_url is None:
        raise LinkNotFoundError("Check the spelling: capitals matter.")
    if not link.enabled:
        raise LinkDisabledError("Its owner has switched it off.")
    if link.expires_at is not None and link.expires_at <= now:
        raise LinkExpiredError("Its owner set an expiry time, and it has passed.")
    return link.target_url


def redirect_blueprint(
    reader: LinkReader, recorder: ClickRecorder, *, status: int, cache_control: str
) -> Blueprint:
    """The route of short links.

    Args:
        reader: looks codes up.
        recorder: records clicks.
        status: of a redirect, such as 302.
        cache_control: that header of a redirect.
    """
    blueprint = Blueprint("redirect", __name__)

    @blueprint.get("/<code>", strict_slashes=False)
    def follow(code: str) -> Response:
        """Answer with the link's target. A GET is a click; a HEAD is not."""
        found = reader.resolve(code, canonical_address(request.remote_addr or ""))
        target_url = get_target(found.link, time.time())
        if request.method == "GET":
            REDIRECTS.labels(found.tier).inc()
            recorder.record(request.environ, code)
        headers = {"Location": target_url, "Cache-Control": cache_control}
        return Redirect(status=status, headers=headers)

    return blueprint
