"""The least that a WSGI server and Flask can do: what hop's redirects are measured against."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TARGET: Final = "https://example.org/a/page/of/the/bench"


def empty() -> "WSGIApplication":
    """A redirect without looking at the request: what is left is the server."""
    headers = [
        ("Location", TARGET),
        ("Cache-Control", "private, max-age=0"),
        ("Content-Length", "0"),
    ]

    def answer(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response("302 FOUND", list(headers))
        return [b""]

    return answer


def flask_one_liner() -> flask.Flask:
    """Flask's own redirect, with nothing looked up and nothing counted."""
    app = flask.Flask("bench", static_folder=None)

    @app.get("/<code>")
    def redirect(code: str) -> flask.typing.ResponseReturnValue:  # noqa: ARG001 - the route's
        return flask.redirect(TARGET, 302)

    return app
