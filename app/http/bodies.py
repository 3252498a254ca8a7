"""JSON bodies: requests are checked against a type, answers are made from one."""

import re
from typing import TypeVar

import msgspec
from flask import Response, request

from app.errors import InvalidFieldError, MalformedBodyError, UnsupportedMediaTypeError

T = TypeVar("T")

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED = re.compile(r"field `(?P<field>[^`]+)`")


def read_body(kind: type[T]) -> T:
    """Decode the request body as a `kind`.

    Raises:
        UnsupportedMediaTypeError: it is not declared as JSON.
        MalformedBodyError: it is empty or not JSON.
        InvalidFieldError: it has another shape.
    """
    if not request.is_json:
        raise UnsupportedMediaTypeError("Send JSON with the header Content-Type: application/json.")
    data = request.get_data(cache=False)
    if not data.strip():
        raise MalformedBodyError("The body is empty; a JSON object is expected.")
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBodyError(f"It cannot be read: {error}.") from error


def read_query(kind: type[T]) -> T:
    """Decode the query string as a `kind`; numbers are parsed from text.

    Raises:
        InvalidFieldError: it has another shape.
    """
    try:
        return msgspec.convert(request.args.to_dict(), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error)) from error


def answer(body: msgspec.Struct | dict[str, int], status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, content_type="application/json")


def _invalid_field(message: str) -> InvalidFieldError:
    """Find the field in msgspec's message: its path is at the end, or its name is quoted."""
    path = _PATH.search(message)
    named = _NAMED.search(message)
    field = path["path"] if path and path["path"] else (named["field"] if named else None)
    detail = _PATH.sub("", message).replace("`", '"')
    return InvalidFieldError(f"{detail}.", field=field)
