"""The time to make a code in memory, beside other ways to do it."""

from itertools import count

from sqids import Sqids

from bench.benchmark import Options
from bench.parts.timing import print_time
from keygen.base62 import ALPHABET, decode, encode
from keygen.permutation import Permutation
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted
from keygen.strategies.range import Ranged

PERMUTATION_KEY = bytes(range(32))
NUMBER = 3_123_456_789_123  # seven characters


class CountingSource:
    """Ranges without a database, to measure the allocator alone."""

    def __init__(self) -> None:
        self._next_id = 0

    def reserve_range(self, size: int) -> range:
        """The next `size` ids."""
        self._next_id += size
        return range(self._next_id - size, self._next_id)


def measure_codes(_options: Options) -> None:
    """Print the times of a code, of its parts and of alternatives."""
    permutation = Permutation(PERMUTATION_KEY, 7)
    ranged = Ranged(_allocator())
    permuted = Permuted(_allocator(), lambda: PERMUTATION_KEY)
    print_time("base62 encode, 7 characters", lambda: encode(NUMBER))
    print_time("base62 decode, 7 characters", lambda: decode("eboF18l"))
    print_time("permutation of 62^7, 6 rounds", lambda: permutation.forward(123_456_789))
    print_time("next id of a range", _allocator().next_id)
    print_time("next code, range", lambda: ranged.candidate("", 0))
    print_time("next code, permuted", lambda: permuted.candidate("", 0))
    sqids, numbers = Sqids(min_length=7), count(NUMBER)
    print_time("beside it: naive base62 encode", lambda: encode_naively(NUMBER))
    # Sqids shuffles too, but without a key: the alphabet is its only secret.
    print_time("beside it: sqids encode", lambda: sqids.encode([next(numbers)]), number=5_000)


def _allocator() -> RangeAllocator:
    return RangeAllocator(CountingSource(), size=1_000_000)


def encode_naively(number: int) -> str:
    """Base62 as it is usually written: one division per character."""
    code = ""
    while number:
        number, digit = divmod(number, 62)
        code = ALPHABET[digit] + code
    return code.rjust(7, "0")
