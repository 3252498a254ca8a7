"""A process that makes codes and writes each to a file, until it has enough or is killed.

usage: make_codes.py DATABASE_URL FILE NUMBER
Ends by writing how many ids it leaves unused.
"""

import os
import sys

from db.key_ranges import KeyRanges
from db.pool import open_pool
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted

database_url, path, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
with open_pool(database_url, name="make-codes") as pool:
    ranges = KeyRanges(pool)
    allocator = RangeAllocator(ranges)
    strategy = Permuted(allocator, ranges.permutation_key)
    for _ in range(number):
        os.write(fd, strategy.candidate("", 0).encode() + b"\n")
    os.write(fd, f"unused {allocator.in_hand()}\n".encode())
