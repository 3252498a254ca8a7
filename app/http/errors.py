"""Exceptions of a request become HTTP answers: problem documents, or pages for people."""

from typing import Any

import msgspec
import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.errors import HopError
from app.http.problems import TOO_LARGE, Problem, find_problem
from app.observe.metrics import REFUSED

log = structlog.get_logger(__name__)


class Body(msgspec.Struct, omit_defaults=True):
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
    problem = find_problem(error)
    detail = error.detail if isinstance(error, HopError) else None
    field = error.field if isinstance(error, HopError) else None
    if problem.status == 503:  # noqa: PLR2004
        log.warning("request not served", error=str(error), path=request.path)
        detail = problem.meaning
    elif problem.status == 500:  # noqa: PLR2004
        log.error("unhandled error", path=request.path, exc_info=error)
        detail = "It is in the log, under the request id of this answer."
    response = _respond(problem, detail, field)
    if problem.retry_after_s is not None:
        REFUSED.labels(str(problem.status)).inc()
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == 401:  # noqa: PLR2004
        response.headers["WWW-Authenticate"] = 'Bearer realm="hop"'
    return response


def _answer_http(error: HTTPException) -> Response:
    """What Flask itself refuses: 404 without a route, 405, 413 and their like."""
    if isinstance(error, RequestEntityTooLarge):
        _discard_body()
        return _respond(TOO_LARGE, TOO_LARGE.meaning, None)
    status = error.code or 500
    titles = {404: "There is nothing here", 405: "This method is not allowed here"}
    response = _respond(Problem(status, "", titles.get(status, error.name), ""), None, None)
    response.headers.extend(
        (name, value) for name, value in error.get_headers() if name.lower() == "allow"
    )
    return response


def _respond(problem: Problem, detail: str | None, field: str | None) -> Response:
    if _wants_html():
        page = render_template("error.html", problem=problem, detail=detail)
        return Response(page, problem.status, mimetype="text/html")
    # RFC 9457: about:blank says that the status tells all there is to know.
    kind = f"/problems/{problem.slug}" if problem.slug else "about:blank"
    body = Body(kind, problem.title, problem.status, detail, field)
    return Response(
        msgspec.json.encode(body), problem.status, content_type="application/problem+json"
    )


def _wants_html() -> bool:
    """Only what looks like a person at a browser gets a page, and never from the API."""
    if request.path.startswith("/api/") or request.method not in {"GET", "HEAD"}:
        return False
    accepted: Any = request.accept_mimetypes
    return bool(accepted["text/html"] > accepted["application/json"])


def _discard_body() -> None:
    """Read a refused body, within bounds: a client still sending would miss the answer."""
    stream, left = request.environ["wsgi.input"], 32 * 1024 * 1024
    left = min(left, request.content_length or left)
    while left > 0 and (data := stream.read(min(left, 64 * 1024))):
        left -= len(data)
