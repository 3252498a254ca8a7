"""A keyed permutation of [0, 62**length): consecutive ids become codes without visible order.

A generalised Feistel network on mixed radix (Black and Rogaway, "Ciphers with Arbitrary Finite
Domains", CT-RSA 2002, section 5). A number is split as `left * 62**b + right` with a + b = length,
so both halves have an exact size, the network is a bijection on the whole domain, and no
cycle-walking is needed. Each round adds a keyed hash of one half to the other.

What it gives: codes that reveal neither how many links exist nor which came first, and cannot be
enumerated by counting. What it does not give: access control. Who has a code can open it.
"""

from hashlib import blake2s
from typing import Final

from keygen.base62 import BASE

ROUNDS: Final = 6
MIN_KEY_BYTES: Final = 16


class Permutation:
    """One bijection on [0, size), chosen by the key. Immutable, so safe to share among threads."""

    def __init__(self, key: bytes, length: int) -> None:
        """Derive the round keys.

        Args:
            key: secret, at least 16 bytes.
            length: code length in characters, at least 2; each length has its own permutation.
        """
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the permutation key must have at least {MIN_KEY_BYTES} bytes")
        if length < 2:  # noqa: PLR2004 - a Feistel network needs two halves
            raise ValueError("a permuted code has at least 2 characters")
        self._left_size: int = BASE ** ((length + 1) // 2)
        self._right_size: int = BASE ** (length // 2)
        self.size = self._left_size * self._right_size
        # Copying a hash that has absorbed its key is cheaper than keying a new one.
        self._rounds = [
            blake2s(key=key[:32], digest_size=8, salt=bytes([number, length]), person=b"hop/code")
            for number in range(ROUNDS)
        ]

    def forward(self, index: int) -> int:
        """Map an index in [0, size) to its place in the shuffled order.

        Raises:
            ValueError: the index is outside the domain.
        """
        self._check(index)
        left, right = divmod(index, self._right_size)
        from_bytes = int.from_bytes
        into_left = True
        for round_hash in self._rounds:
            keyed = round_hash.copy()
            if into_left:
                keyed.update(right.to_bytes(8, "little"))
                left = (left + from_bytes(keyed.digest(), "little")) % self._left_size
            else:
                keyed.update(left.to_bytes(8, "little"))
                right = (right + from_bytes(keyed.digest(), "little")) % self._right_size
            into_left = not into_left
        return left * self._right_size + right

    def backward(self, place: int) -> int:
        """The inverse of `forward`.

        Raises:
            ValueError: the place is outside the domain.
        """
        self._check(place)
        left, right = divmod(place, self._right_size)
        from_bytes = int.from_bytes
        into_left = len(self._rounds) % 2 == 1
        for round_hash in reversed(self._rounds):
            keyed = round_hash.copy()
            if into_left:
                keyed.update(right.to_bytes(8, "little"))
                left = (left - from_bytes(keyed.digest(), "little")) % self._left_size
            else:
                keyed.update(left.to_bytes(8, "little"))
                right = (right - from_bytes(keyed.digest(), "little")) % self._right_size
            into_left = not into_left
        return left * self._right_size + right

    def _check(self, number: int) -> None:
        if not 0 <= number < self.size:
            raise ValueError(f"{number} is outside [0, {self.size})")
