"""GET /<code>: the main job."""

import time

from flask import Blueprint, Response, request

from app import links
from app.web_context import resources

blueprint = Blueprint("redirects", __name__)


@blueprint.get("/<code>")
def redirect(code: str) -> Response:
    """Answer with the link's target; a GET is counted, a HEAD is not."""
    hop = resources()
    target_url = links.resolve(hop.store, code).target(time.time())
    if request.method == "GET":
        hop.recorder.record(request.environ, code)
    # Not flask.redirect(): its default status is changing, and its body would repeat the target.
    response = Response(
        status=hop.settings.redirect_status,
        headers={
            "Location": target_url,
            "Cache-Control": hop.settings.redirect_cache_control,
        },
    )
    del response.headers["Content-Type"]  # there is no content
    return response
