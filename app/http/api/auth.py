"""Who may use /api/v1: at present, who has the admin key."""

from flask import request

from app.errors import UnauthorizedError
from app.http.context import resources
from db.api_keys import find_key_name


def require_admin() -> None:
    """Let the request pass if it carries the admin key.

    Raises:
        UnauthorizedError: it carries none, or another.
    """
    if not _bearer_token():
        raise UnauthorizedError("Send the header Authorization: Bearer <admin key>.")
    if not is_admin():
        raise UnauthorizedError("This key is not known here.")


def is_admin() -> bool:
    """Whether the request carries the admin key.

    Raises:
        DatabaseUnavailableError: nobody can tell.
    """
    token = _bearer_token()
    return bool(token) and find_key_name(resources().pool, token) == "admin"


def _bearer_token() -> str:
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer":
        return ""
    return authorization.token or ""
