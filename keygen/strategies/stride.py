"""N counters that know nothing of each other: number i gives the ids i, i + N, i + 2N and so on.

Unique without coordination among the counters, which may live on servers of their own; still one
round trip per code. Changing N needs care: the new sequences must start beyond the old ones. Known
from Flickr's ticket servers, two MySQL servers, one odd and one even
(https://code.flickr.net/2010/02/08/ticket-servers-distributed-unique-primary-keys-on-the-cheap/).
"""

import itertools
import secrets
from collections.abc import Sequence

from keygen.space import plain_code
from keygen.strategies.counter import Counter


class Strided:
    """Codes from several counters in turn. As thread-safe as the counters."""

    def __init__(self, counters: Sequence[Counter], shortest: int = 7) -> None:
        """Use these counters.

        Args:
            counters: at least one; the same ones in the same order in every process.
            shortest: length of the first 62**shortest codes, in characters.
        """
        if not counters:
            raise ValueError("a stride needs at least one counter")
        self._counters = counters
        self._shortest = shortest
        # Processes start at different counters, so that they do not queue at the same one.
        self._turns = itertools.count(secrets.randbelow(len(counters)))

    def candidate(self, target_url: str, attempt: int) -> str:
        """The code of the next counter's next id; after a conflict that of the one after it."""
        offset = next(self._turns) % len(self._counters)
        id_ = self._counters[offset].next_value() * len(self._counters) + offset
        return plain_code(id_, self._shortest)
