"""GET /<code>: the main job, where `app.redirect.hot_path` does not know the answer already."""

import contextlib
import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from app.cache.cached_link import CachedLink, Found
from app.http.api.auth import is_admin
from app.http.context import resources
from app.observe import metrics
from app.process import Resources
from app.redirect.lookup import resolve
from app.redirect.trace import Trace, note_memory
from db.errors import DatabaseUnavailableError

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
    ticket, trace = hop.hot.ticket(), Trace()
    address = request.remote_addr or ""
    found = _find_in_memory(hop, trace) or resolve(
        hop.store, code, trace, lambda: hop.unknown_codes.check(address)
    )
    if found.tier == "postgres" and found.link.target_url is None:
        hop.unknown_codes.note(address)
    target_url = found.link.target(now)
    if request.method == "GET":
        metrics.REDIRECTS.labels(found.tier).inc()
        hop.recorder.record(request.environ, code)
        if found.may_be_kept:
            hop.hot.put(request.path, found.link, ticket, now)
    response = Redirect(
        status=hop.settings.redirect_status,
        headers={
            "Location": target_url,
            "Cache-Control": hop.settings.redirect_cache_control,
        },
    )
    if request.authorization is not None:
        with contextlib.suppress(DatabaseUnavailableError):  # then nobody knows who is admin
            if is_admin():
                response.headers["Server-Timing"] = trace.as_header()
    return response


def _find_in_memory(hop: Resources, trace: Trace) -> Found | None:
    """For who sends a key, whom the hot path has let pass; it has looked for all others."""
    if request.authorization is None:
        return None
    entry = note_memory(hop.hot, request.path, trace)
    return None if entry is None else Found(CachedLink(0, entry.target_url), "memory")
