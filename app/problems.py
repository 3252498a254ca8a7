"""The one map from exceptions to HTTP: status, type and title (RFC 9457)."""

from typing import Any, Final, NamedTuple

import msgspec
import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app import errors
from app.settings import MAX_BODY_BYTES
from db.errors import DatabaseUnavailableError
from keygen.errors import CodesUnavailableError

log = structlog.get_logger(__name__)


class Problem(NamedTuple):
    """What a kind of error looks like to clients."""

    status: int
    slug: str  # the last part of its type, an address where this hop explains it
    title: str
    retry_after_s: int | None = None


UNAVAILABLE: Final = Problem(503, "unavailable", "hop cannot do this at the moment", 2)

PROBLEMS: Final[dict[type[Exception], Problem]] = {
    errors.MalformedBodyError: Problem(400, "malformed-body", "The request body is not valid JSON"),
    errors.UnauthorizedError: Problem(401, "unauthorized", "An API key is needed"),
    errors.LinkNotFoundError: Problem(404, "link-not-found", "There is no such link"),
    errors.AliasTakenError: Problem(409, "alias-taken", "This alias is taken"),
    errors.EditConflictError: Problem(409, "edit-conflict", "The link was changed meanwhile"),
    errors.LinkExpiredError: Problem(410, "link-expired", "This link has expired"),
    errors.LinkDisabledError: Problem(410, "link-disabled", "This link is switched off"),
    RequestEntityTooLarge: Problem(413, "body-too-large", "The request body is too large"),
    errors.UnsupportedMediaTypeError: Problem(415, "not-json", "The request body must be JSON"),
    errors.InvalidTargetError: Problem(422, "invalid-target", "The URL cannot be shortened"),
    errors.InvalidAliasError: Problem(422, "invalid-alias", "The alias cannot be used"),
    errors.InvalidFieldError: Problem(422, "invalid-field", "A field is not as it should be"),
    DatabaseUnavailableError: UNAVAILABLE,
    CodesUnavailableError: UNAVAILABLE,
    Exception: Problem(500, "internal-error", "hop made a mistake"),
}


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


def find_problem(error: Exception) -> Problem:
    """The entry of the most special class of an exception that has one."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


def _answer(error: Exception) -> Response:
    problem = find_problem(error)
    detail = error.detail if isinstance(error, errors.HopError) else None
    field = error.field if isinstance(error, errors.HopError) else None
    if problem.status == 503:  # noqa: PLR2004
        log.warning("request not served", error=str(error), path=request.path)
        detail = "The database does not answer. Nothing was changed; try again shortly."
    elif problem.status == 500:  # noqa: PLR2004
        log.error("unhandled error", path=request.path, exc_info=error)
        detail = "It is in the log, under the request id of this answer."
    response = _respond(problem, detail, field)
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == 401:  # noqa: PLR2004
        response.headers["WWW-Authenticate"] = 'Bearer realm="hop"'
    return response


def _answer_http(error: HTTPException) -> Response:
    """What Flask itself refuses: 404 without a route, 405, 413 and their like."""
    if isinstance(error, RequestEntityTooLarge):
        _discard_body()
        limit = f"At most {MAX_BODY_BYTES // 1024} KiB are accepted."
        return _respond(PROBLEMS[RequestEntityTooLarge], limit, None)
    status = error.code or 500
    title = {404: "There is nothing here", 405: "This method is not allowed here"}
    slug = error.name.lower().replace(" ", "-")
    response = _respond(Problem(status, slug, title.get(status, error.name)), None, None)
    response.headers.extend(
        (name, value) for name, value in error.get_headers() if name.lower() == "allow"
    )
    return response


def _respond(problem: Problem, detail: str | None, field: str | None) -> Response:
    if _wants_html():
        page = render_template("error.html", problem=problem, detail=detail)
        return Response(page, problem.status, mimetype="text/html")
    body = Body(f"/problems/{problem.slug}", problem.title, problem.status, detail, field)
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
