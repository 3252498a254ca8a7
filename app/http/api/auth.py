"""Who may use /api/v1: the holder of the admin key."""

from flask import request

from app.errors import UnauthorizedError
from app.http.context import web_process
from db.api_keys import find_key_name


def require_admin() -> None:
    """Let the request pass if it carries the admin key.

    Raises:
        UnauthorizedError: it carries no API key, or another one.
        DatabaseUnavailableError: API keys cannot be looked up.
    """
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        raise UnauthorizedError("Send the header Authorization: Bearer <admin key>.")
    if find_key_name(web_process().pool, authorization.token) != "admin":
        raise UnauthorizedError("This API key is not known here.")
