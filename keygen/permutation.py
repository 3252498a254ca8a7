"""A keyed permutation of [0, 62**length): consecutive ids become codes without visible order.

A generalised Feistel network on mixed radix (Black and Rogaway, "Ciphers with Arbitrary Finite
Domains", CT-RSA 2002, section 5). A number is split as `left * 62**b + right` with a + b = length,
so both halves have an exact size, the network is a bijection on the whole domain, and no
cycle-walking is needed. Each round adds a keyed hash of one half to the other.

What it gives: codes that reveal neither how many links exist nor which came first, and cannot be
enumerated by counting. What it does not give: access control. Who has a code can open it, and a
space of which a tenth is in use yields a link to every tenth guess, in whatever order.

Lengths from 4 to 11 are meant for use. 2 and 3 work as well, and serve tests and growth from a tiny
space, but a round key that acts on 62 values hides little. Above 11 an id needs more than 64 bits.
"""

from hashlib import blake2s
from typing import Final

from keygen.base62 import BASE

ROUNDS: Final = 6
MIN_KEY_BYTES: Final = 16
MIN_LENGTH: Final = 2  # a Feistel network needs two halves
MAX_LENGTH: Final = 11  # 62**10 < 2**63 < 62**11


class Permutation:
    """One bijection on [0, size), chosen by the key. Immutable, so safe to share among threads."""

    def __init__(self, key: bytes, length: int) -> None:
        """Derive the round keys.

        Args:
            key: secret, at least 16 bytes.
            length: code length in characters, 2 to 11; each length has its own permutation.

        Raises:
            ValueError: the key is too short, or the length is out of range.
        """
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the permutation key must have at least {MIN_KEY_BYTES} bytes")
        if not MIN_LENGTH <= length <= MAX_LENGTH:
            raise ValueError(
                f"a permuted code has at least {MIN_LENGTH} characters and at most {MAX_LENGTH},"
                f" not {length}"
            )
        self._left_size: int = BASE ** ((length + 1) // 2)
        self._right_size: int = BASE ** (length // 2)
        self.size = self._left_size * self._right_size
        # Copying a hash that has absorbed its key is cheaper than keying a new one.
        rounds = [
            blake2s(key=key[:32], digest_size=8, salt=bytes([number, length]), person=b"hop/code")
            for number in range(ROUNDS)
        ]
        # Even rounds change the left half, odd ones the right.
        self._round_pairs = list(zip(rounds[::2], rounds[1::2], strict=True))

    def forward(self, index: int) -> int:
        """Map an index in [0, size) to its place in the shuffled order.

        Raises:
            ValueError: the index is outside the domain.
        """
        self._check(index)
        left_size, right_size, from_bytes = self._left_size, self._right_size, int.from_bytes
        left, right = divmod(index, right_size)
        for into_left, into_right in self._round_pairs:
            keyed = into_left.copy()
            keyed.update(right.to_bytes(8, "little"))
            left = (left + from_bytes(keyed.digest(), "little")) % left_size
            keyed = into_right.copy()
            keyed.update(left.to_bytes(8, "little"))
            right = (right + from_bytes(keyed.digest(), "little")) % right_size
        return left * right_size + right

    def backward(self, place: int) -> int:
        """The inverse of `forward`.

        Raises:
            ValueError: the place is outside the domain.
        """
        self._check(place)
        left_size, right_size, from_bytes = self._left_size, self._right_size, int.from_bytes
        left, right = divmod(place, right_size)
        for into_left, into_right in reversed(self._round_pairs):
            keyed = into_right.copy()
            keyed.update(left.to_bytes(8, "little"))
            right = (right - from_bytes(keyed.digest(), "little")) % right_size
            keyed = into_left.copy()
            keyed.update(right.to_bytes(8, "little"))
            left = (left - from_bytes(keyed.digest(), "little")) % left_size
        return left * right_size + right

    def _check(self, number: int) -> None:
        if not 0 <= number < self.size:
            raise ValueError(f"{number} is outside [0, {self.size})")
