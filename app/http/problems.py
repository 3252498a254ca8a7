"""The one map from exceptions to what clients see of them: status, type, title (RFC 9457)."""

from typing import Final, NamedTuple

from werkzeug.exceptions import RequestEntityTooLarge

from app import errors
from app.settings import MAX_BODY_BYTES
from db.errors import DatabaseUnavailableError
from keygen.errors import CodesUnavailableError


class Problem(NamedTuple):
    """What a kind of error looks like to clients."""

    status: int
    slug: str  # the last part of its type, an address where this hop explains it
    title: str
    meaning: str  # what that page says
    retry_after_s: int | None = None


DATABASE_AWAY: Final = Problem(
    503,
    "database-away",
    "hop cannot do this at the moment",
    "The database does not answer. Links that are in the cache go on redirecting. A change that was"
    " asked for was most likely not made, but may have been: look, then repeat it after the seconds"
    " that Retry-After names.",
    retry_after_s=2,
)
NO_CODES: Final = Problem(
    503,
    "no-codes",
    "hop cannot make a code at the moment",
    "The codes in hand are used up and no more can be had just now. Nothing was changed; repeat the"
    " request after the seconds that Retry-After names, or choose an alias.",
    retry_after_s=2,
)
TOO_LARGE: Final = Problem(
    413,
    "body-too-large",
    "The request body is too large",
    f"A request body has at most {MAX_BODY_BYTES // 1024} KiB.",
)

PROBLEMS: Final[dict[type[Exception], Problem]] = {
    errors.MalformedBodyError: Problem(
        400,
        "malformed-body",
        "The request body is not valid JSON",
        "The body is empty, cut off, or not JSON. The detail says where reading stopped.",
    ),
    errors.InvalidHostError: Problem(
        400,
        "invalid-host",
        "The Host header is not valid",
        "The address of a short link begins with the host that the client asked, and this request"
        " named none, or one with characters that hosts cannot have. Names in other scripts go into"
        " the header as Punycode (xn--...).",
    ),
    errors.UnauthorizedError: Problem(
        401,
        "unauthorized",
        "An API key is needed",
        "This part of the API needs the header Authorization: Bearer, followed by an API key. A"
        " demo writes its admin key to demo.json; a server is given one as HOP_ADMIN_KEY.",
    ),
    errors.CrossSiteError: Problem(
        403,
        "cross-site",
        "Another site may not ask for this",
        "Work in the lab is started and stopped from hop's own pages or from a program, and never"
        " by a page of another site.",
    ),
    errors.LinkNotFoundError: Problem(
        404,
        "link-not-found",
        "There is no such link",
        "No link has this code now. Capitals matter: aBc and abc are different links.",
    ),
    errors.AliasTakenError: Problem(
        409,
        "alias-taken",
        "This alias is taken",
        "Another link has this alias, or had it once. A code is never given to a second link, not"
        " even after the first was deleted: printed and shared copies of it are still around.",
    ),
    errors.EditConflictError: Problem(
        409,
        "edit-conflict",
        "The link was changed meanwhile",
        "Others kept changing the link while this change was tried. Read it and try again.",
    ),
    errors.RunInProgressError: Problem(
        409,
        "run-in-progress",
        "The lab is busy",
        "One comparison runs at a time: two would measure each other. Wait for its end or cancel"
        " it.",
    ),
    errors.LinkExpiredError: Problem(
        410,
        "link-expired",
        "This link has expired",
        "The link was made with an end, and the end has passed.",
    ),
    errors.LinkDisabledError: Problem(
        410,
        "link-disabled",
        "This link is switched off",
        "The link's owner has switched it off and may switch it on again.",
    ),
    errors.UnsupportedMediaTypeError: Problem(
        415,
        "not-json",
        "The request body must be JSON",
        "Requests with a body need the header Content-Type: application/json.",
    ),
    errors.InvalidTargetError: Problem(
        422,
        "invalid-target",
        "The URL cannot be shortened",
        "A target is an http or https URL of bounded length, without user name, password or"
        " control characters, that does not lead back to this shortener.",
    ),
    errors.InvalidAliasError: Problem(
        422,
        "invalid-alias",
        "The alias cannot be used",
        "An alias has 3 to 64 letters A-Z and a-z, digits, hyphens and underscores, and is none"
        " of the words that hop keeps for its own pages.",
    ),
    errors.InvalidFieldError: Problem(
        422,
        "invalid-field",
        "A field is not as it should be",
        "A field is missing, unknown, of another type or out of range; the member `field` of the"
        " problem names it.",
    ),
    errors.TooManyUnknownCodesError: Problem(
        429,
        "too-many-unknown-codes",
        "Too many unknown codes",
        "This client asked for many codes that do not exist. For some seconds, hop looks for none"
        " on its behalf that is not in a cache. Links that are in use go on redirecting.",
        retry_after_s=60,
    ),
    DatabaseUnavailableError: DATABASE_AWAY,
    CodesUnavailableError: NO_CODES,
    RequestEntityTooLarge: TOO_LARGE,
    Exception: Problem(
        500,
        "internal-error",
        "hop made a mistake",
        "An error that hop does not know. The log has it, under the request id of the answer.",
    ),
}


def find_problem(error: Exception) -> Problem:
    """The entry of the most special class of an exception that has one."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
