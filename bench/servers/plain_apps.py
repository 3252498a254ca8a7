"""The least that a WSGI server and Flask can do: what hop's redirects are compared with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TARGET: Final = "https://example.org/a/page/of/the/bench"


def empty() -> "WSGIApplication":
    """A redirect without a look at the request: the cost of the server alone."""
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
    """Flask's own redirect, without look-up and counting."""
    app = flask.Flask("bench", static_folder=None)

    @app.get("/<code>")
    def redirect(**_code: str) -> flask.typing.ResponseReturnValue:
        return flask.redirect(TARGET, 302)

    return app
