"""Which texts can be codes, and which a person may choose as an alias."""

import re
from typing import Final

from app.errors import InvalidAliasError

# What some link could have as its code; anything else need not be looked up.
CODE: Final = re.compile(r"[A-Za-z0-9_-]{3,64}")

# The first path segment of every route, present or foreseeable, and what browsers and robots ask of
# any host. Generated codes are checked too: "metrics" has seven letters.
RESERVED: Final = frozenset(
    {
        *("admin", "api", "app", "about", "assets", "counts", "dashboard", "docs", "export"),
        *("favicon", "health", "healthz", "help", "hop", "import", "index", "lab", "links"),
        *("live", "login", "logout", "metrics", "openapi", "preview", "privacy", "problems"),
        *("public", "readyz", "robots", "settings", "shorten", "signup", "sitemap", "static"),
        *("stats", "status", "tags", "terms", "users", "version", "well-known", "www"),
    }
)


def is_reserved(code: str) -> bool:
    """Whether hop keeps this word for itself, in upper or lower case."""
    return code.lower() in RESERVED


def check_alias(alias: str) -> None:
    """Accept an alias.

    Raises:
        InvalidAliasError: it breaks a rule; the message says which.
    """
    if not CODE.fullmatch(alias):
        raise InvalidAliasError(
            "An alias has 3 to 64 characters: letters A-Z and a-z, digits, - and _.", field="alias"
        )
    if is_reserved(alias):
        raise InvalidAliasError(f"hop keeps the word {alias!r} for itself.", field="alias")
