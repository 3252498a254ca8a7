"""Everything that can be wrong with a request, and what its client sees of it (RFC 9457).

The class of an error has the HTTP status, the slug and the title; an instance says in `detail` what
to do about it. `app/http/errors.py` makes answers of them.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

MAX_BODY_BYTES: Final = 64 * 1024


class HopError(Exception):
    """A request that cannot be served as asked. Each error is a subclass."""

    status: ClassVar[int]
    slug: ClassVar[str]  # /problems/<slug> is the page that explains it
    title: ClassVar[str]
    meaning: ClassVar[str]
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, detail: str | None = None, *, field: str | None = None) -> None:
        """Describe one occurrence.

        Args:
            detail: a sentence that tells the client what to do.
            field: the field of the request that is wrong.
        """
        super().__init__(detail)
        self.detail = detail
        self.field = field


def all_errors(base: type[HopError] = HopError) -> Iterator[type[HopError]]:
    """All classes below a class."""
    for kind in base.__subclasses__():
        yield kind
        yield from all_errors(kind)


class InternalError(HopError):
    status = 500
    slug = "internal-error"
    title = "hop made a mistake"
    meaning = "An unexpected error. Look for the response's request id in the log."


class MalformedBodyError(HopError):
    status = 400
    slug = "malformed-body"
    title = "The request body is not valid JSON"
    meaning = "The body is empty, cut off, or not JSON. The detail says where reading stopped."


class InvalidHostError(HopError):
    status = 400
    slug = "invalid-host"
    title = "The Host header is not valid"
    meaning = (
        "The address of a short link begins with the host that the client asked. This request"
        " named none, or one with characters that hosts cannot have. Names in other scripts go into"
        " the header as Punycode (xn--...)."
    )


class UnauthorizedError(HopError):
    status = 401
    slug = "unauthorized"
    title = "An API key is needed"
    meaning = (
        "This part of the API needs the header Authorization: Bearer, followed by an API key. A"
        " demo writes its admin key to demo.json; a server is given one as HOP_ADMIN_KEY."
    )


class CrossSiteError(HopError):
    status = 403
    slug = "cross-site"
    title = "Another site may not ask for this"
    meaning = (
        "Work in the lab is started and stopped from hop's own pages or from a program, never by a"
        " page of another site."
    )


class LinkNotFoundError(HopError):
    status = 404
    slug = "link-not-found"
    title = "There is no such link"
    meaning = "No link has this code. Capitals matter: aBc and abc are different links."


class AliasTakenError(HopError):
    status = 409
    slug = "alias-taken"
    title = "This alias is taken"
    meaning = (
        "Another link has this alias, or had it once. A code is never given to a second link, even"
        " after the first was deleted: copies of it may be printed or shared."
    )


class EditConflictError(HopError):
    status = 409
    slug = "edit-conflict"
    title = "The link was changed meanwhile"
    meaning = "Others kept changing the link while this change was tried. Read it and try again."


class RunInProgressError(HopError):
    status = 409
    slug = "run-in-progress"
    title = "The lab is busy"
    meaning = (
        "One experiment runs at a time: two would measure each other. Wait for its end, or cancel"
        " it."
    )


class LinkExpiredError(HopError):
    status = 410
    slug = "link-expired"
    title = "This link has expired"
    meaning = "The link was created with an expiry time, and it has passed."


class LinkDisabledError(HopError):
    status = 410
    slug = "link-disabled"
    title = "This link is switched off"
    meaning = "The link's owner has switched it off and may switch it on again."


class BodyTooLargeError(HopError):
    status = 413
    slug = "body-too-large"
    title = "The request body is too large"
    meaning = f"A request body has at most {MAX_BODY_BYTES // 1024} KiB."


class UnsupportedMediaTypeError(HopError):
    status = 415
    slug = "not-json"
    title = "The request body must be JSON"
    meaning = "Requests with a body need the header Content-Type: application/json."


class InvalidFieldError(HopError):
    status = 422
    slug = "invalid-field"
    title = "A field is invalid"
    meaning = (
        "A field is missing, unknown, of another type or out of range. The member `field` of the"
        " problem names it."
    )


class InvalidTargetError(InvalidFieldError):
    slug = "invalid-target"
    title = "The URL cannot be shortened"
    meaning = (
        "A target is an http or https URL of bounded length, without user name, password or control"
        " characters, that does not lead back to this shortener."
    )


class InvalidAliasError(InvalidFieldError):
    slug = "invalid-alias"
    title = "The alias cannot be used"
    meaning = (
        "An alias has 3 to 64 letters A-Z and a-z, digits, hyphens and underscores, and is none of"
        " the words that hop keeps for its own pages."
    )


class TooManyUnknownCodesError(HopError):
    status = 429
    slug = "too-many-unknown-codes"
    title = "Too many unknown codes"
    meaning = (
        "This client asked for many codes that do not exist. For some seconds, hop looks up no code"
        " for it that is not in a cache. Links that are in use go on redirecting."
    )
    retry_after_s = 60


class DatabaseAwayError(HopError):
    status = 503
    slug = "database-away"
    title = "hop cannot do this at the moment"
    meaning = (
        "The database does not answer. Links in the cache go on redirecting. A change was most"
        " likely not made, but may have been: check, then retry after the number of seconds in"
        " Retry-After."
    )
    retry_after_s = 2


class NoCodesError(HopError):
    status = 503
    slug = "no-codes"
    title = "hop cannot make a code at the moment"
    meaning = (
        "The codes in hand are used up and no more can be had just now. Nothing was changed. Retry"
        " after the number of seconds in Retry-After, or choose an alias."
    )
    retry_after_s = 2
