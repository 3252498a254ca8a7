"""SHA-256 of the target, cut to a code's length: the same target proposes the same code first.

Nothing to coordinate; but it collides like random codes (the birthday bound), and whoever guesses a
target can tell whether it was shortened. A conflict, be it a collision or the same target again,
changes the salt.
"""

import secrets
from hashlib import sha256

from keygen.base62 import BASE, encode
from keygen.space import ATTEMPTS_PER_LENGTH, drawn_length


class Hashed:
    """Codes from their targets. Stateless, so safe to share among threads."""

    def __init__(self, shortest: int = 7) -> None:
        """Codes have `shortest` characters, more after repeated conflicts."""
        self._shortest = shortest

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of a target; attempt 0 is unsalted, so that it can be checked by hand."""
        salted = target_url if attempt == 0 else f"{target_url} {_salt(attempt)}"
        digest = sha256(salted.encode()).digest()
        length = drawn_length(attempt, self._shortest)
        return encode(int.from_bytes(digest, "big") % BASE**length, length)


def _salt(attempt: int) -> str:
    """The attempt's number, and chance as well when a target comes again and again.

    By number alone, the n-th link to a target would need n attempts. So from the sixth on it needs
    six, and has one character more.
    """
    return str(attempt) if attempt < ATTEMPTS_PER_LENGTH else secrets.token_hex(16)
