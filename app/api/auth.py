"""Who may use /api/v1: at present, who has the admin key."""

from flask import request

from app.errors import UnauthorizedError
from app.web_context import resources
from db.api_keys import find_key_name


def require_admin() -> None:
    """Let the request pass if it carries the admin key.

    Raises:
        UnauthorizedError: it carries none, or another.
    """
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        raise UnauthorizedError("Send the header Authorization: Bearer <admin key>.")
    if find_key_name(resources().pool, authorization.token) != "admin":
        raise UnauthorizedError("This key is not known here.")
