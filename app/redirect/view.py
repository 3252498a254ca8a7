"""GET /<code>, where the hot path does not know the answer."""

import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from app.clicks.recorder import ClickRecorder
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

    @blueprint.get("/<code>")
    def follow(code: str) -> Response:
        """Answer with the link's target. A GET is a click; a HEAD is not."""
        found = reader.resolve(code, request.remote_addr or "")
        target_url = found.link.target(time.time())
        if request.method == "GET":
            REDIRECTS.labels(found.tier).inc()
            recorder.record(request.environ, code)
        headers = {"Location": target_url, "Cache-Control": cache_control}
        return Redirect(status=status, headers=headers)

    return blueprint
