"""GET /<code>: the main job, where `app.hot_path` does not know the answer already."""

import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from app import links
from app.web_context import resources

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

blueprint = Blueprint("redirects", __name__)


class Redirect(Response):
    """A redirect without content, to exactly the address that it is given.

    Not flask.redirect(): its default status is changing, and its body would repeat the target. And
    Werkzeug would write some characters of the address in another way than browsers do.
    """

    default_mimetype = None

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:  # noqa: ARG002
        """The headers as they are."""
        return Headers([*self.headers, ("Content-Length", "0")])


@blueprint.get("/<code>")
def redirect(code: str) -> Response:
    """Answer with the link's target; a GET is counted and remembered, a HEAD is neither."""
    hop, now = resources(), time.time()
    ticket = hop.hot.ticket()
    link = links.resolve(hop.store, code)
    target_url = link.target(now)
    if request.method == "GET":
        hop.recorder.record(request.environ, code)
        hop.hot.put(request.path, link, ticket, now)
    return Redirect(
        status=hop.settings.redirect_status,
        headers={
            "Location": target_url,
            "Cache-Control": hop.settings.redirect_cache_control,
        },
    )
