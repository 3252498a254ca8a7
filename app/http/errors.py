"""Exceptions become HTTP answers: problem documents (RFC 9457), or pages for people."""

from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.errors import (
    BodyTooLargeError,
    DatabaseAwayError,
    HopError,
    InternalError,
    NoCodesError,
)
from app.observe.metrics import REFUSED
from db.errors import DatabaseUnavailableError
from keygen.errors import CodesUnavailableError

log = structlog.get_logger(__name__)

# What a client sees of errors from other layers.
FOREIGN: Final[dict[type[Exception], type[HopError]]] = {
    DatabaseUnavailableError: DatabaseAwayError,
    CodesUnavailableError: NoCodesError,
}
MAX_DISCARDED_BYTES: Final = 32 * 1024 * 1024


class Problem(msgspec.Struct, omit_defaults=True):
    """An `application/problem+json` document."""

    type: str
    title: str
    status: int
    detail: str | None = None
    field: str | None = None


def register(app: Flask) -> None:
    """Answer every exception of a request with its problem."""
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer)


def _answer(error: Exception) -> Response:
    known = error if isinstance(error, HopError) else _translate(error)
    problem = Problem(
        f"/problems/{known.slug}", known.title, known.status, known.detail, known.field
    )
    response = _respond(problem)
    if known.retry_after_s is not None:
        REFUSED.labels(str(known.status)).inc()
        response.headers["Retry-After"] = str(known.retry_after_s)
    if known.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="hop"'
    return response


def _translate(error: Exception) -> HopError:
    """The error that stands for an exception from another layer."""
    for foreign, kind in FOREIGN.items():
        if isinstance(error, foreign):
            log.warning("request not served", error=str(error), path=request.path)
            return kind(kind.meaning)
    log.error("unhandled error", path=request.path, exc_info=error)
    return InternalError("It is in the log, under the request id of this answer.")


def _answer_http(error: HTTPException) -> Response:
    """What Flask itself refuses: 404 without a route, 405, 413 and their like."""
    if isinstance(error, RequestEntityTooLarge):
        _discard_body()
        return _answer(BodyTooLargeError(BodyTooLargeError.meaning))
    status = error.code or 500
    titles = {404: "There is nothing here", 405: "This method is not allowed here"}
    # about:blank: no information beyond the status (RFC 9457, section 4.2.1).
    response = _respond(Problem("about:blank", titles.get(status, error.name), status))
    response.headers.extend(
        (name, value) for name, value in error.get_headers() if name.lower() == "allow"
    )
    return response


def _respond(problem: Problem) -> Response:
    if _wants_html():
        page = render_template("error.html", problem=problem)
        return Response(page, problem.status, mimetype="text/html")
    body = msgspec.json.encode(problem)
    return Response(body, problem.status, content_type="application/problem+json")


def _wants_html() -> bool:
    """Whether a browser asks for a page; the API never answers with one."""
    if request.path.startswith("/api/") or request.method not in {"GET", "HEAD"}:
        return False
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > accepted.quality("application/json")


def _discard_body() -> None:
    """Read a refused body, within bounds: a client that is still sending misses the answer."""
    stream, left = request.environ["wsgi.input"], MAX_DISCARDED_BYTES
    left = min(left, request.content_length or left)
    while left > 0 and (data := stream.read(min(left, 64 * 1024))):
        left -= len(data)
