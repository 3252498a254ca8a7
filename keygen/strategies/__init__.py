"""Eight ways to make codes behind one interface: the lab compares them, the service runs any.

Each has a file of its name. What a strategy needs from a database is a Protocol in that file, and
`db.codes` has a class that satisfies it.
"""

from typing import Literal, Protocol

StrategyName = Literal[
    "counter", "range", "permuted", "stride", "random", "hash", "pool", "snowflake"
]


class Strategy(Protocol):
    """Proposes codes. The INSERT decides; a strategy never asks whether a code is free."""

    def candidate(self, target_url: str, attempt: int) -> str:
        """A code to try for a link.

        Args:
            target_url: the link's target in normal form.
            attempt: 0 for the first try, one more after each conflict.

        Raises:
            keygen.errors.CodesUnavailableError: no code can be made at present. What a source of
                ids or codes raises on the caller's thread passes through as it is.
        """
        ...
