"""Everything that can be wrong with a request: one tree, mapped to HTTP in problems.py."""


class HopError(Exception):
    """A request that cannot be done as asked; the message tells the client what to do."""

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class MalformedBodyError(HopError):
    """The body is not JSON, or there is none."""


class InvalidHostError(HopError):
    """The request does not say under which host it reached us, or not in valid characters."""


class UnsupportedMediaTypeError(HopError):
    """The body is not declared to be JSON."""


class InvalidFieldError(HopError):
    """A field is missing, unknown, of the wrong type or out of range."""


class InvalidTargetError(InvalidFieldError):
    """The target URL is not one that hop redirects to."""


class InvalidAliasError(InvalidFieldError):
    """The alias breaks a rule or is a reserved word."""


class AliasTakenError(HopError):
    """The alias belongs to another link, or did once."""


class EditConflictError(HopError):
    """Somebody else changed the link at the same moment."""


class LinkNotFoundError(HopError):
    """No link has this code."""


class TooManyUnknownCodesError(HopError):
    """The client asked for too many codes that do not exist."""


class LinkExpiredError(HopError):
    """The link's time is over."""


class LinkDisabledError(HopError):
    """The link's owner has switched it off."""


class UnauthorizedError(HopError):
    """The request carries no valid API key."""


class CrossSiteError(HopError):
    """A page of another site made the browser send this request."""


class RunInProgressError(HopError):
    """The lab measures already, and does one thing at a time."""
