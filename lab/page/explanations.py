"""The strategies in a line each, for those who choose among them."""

from typing import Final

from keygen.strategies import StrategyName

EXPLANATIONS: Final[dict[StrategyName, str]] = {
    "counter": "One database counter, asked for each code. Short, and easily guessed.",
    "range": "A block of numbers at a time, then no round trip. Easily guessed.",
    "permuted": "Blocks, too, but shuffled by a secret key. The default.",
    "stride": "Eight counters with different offsets, which need not know of each other.",
    "random": "Drawn by chance, and drawn again when the code is taken.",
    "hash": "SHA-256 of the target, cut short; salted again when taken.",
    "pool": "Drawn beforehand into a table, and claimed row by row.",
    "snowflake": "Time, worker and sequence in 63 bits. Eleven characters.",
}
