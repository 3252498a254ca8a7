"""Codes drawn at random: nothing to coordinate, nothing to guess, and collisions to retry.

The n-th link meets a taken code with the probability n / 62**length, and some pair among n codes
collides with about 1 - exp(-n**2 / (2 * 62**length)), the birthday bound: for 7 characters one half
at 2.2 million links. So a draw is only a proposal, and the INSERT decides.
"""

import secrets

from keygen.base62 import BASE, encode
from keygen.space import drawn_length


class Randomised:
    """Codes from the system's generator. Stateless, so safe to share among threads."""

    def __init__(self, shortest: int = 7) -> None:
        """Codes have `shortest` characters, more after repeated conflicts."""
        self._shortest = shortest

    def candidate(self, target_url: str, attempt: int) -> str:
        """A code as likely as any other of its length."""
        length = drawn_length(attempt, self._shortest)
        return encode(secrets.randbelow(BASE**length), length)
