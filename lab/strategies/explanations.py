"""The strategies in one line each."""

from typing import Final

from keygen.strategies import StrategyName

EXPLANATIONS: Final[dict[StrategyName, str]] = {
    "counter": "One database counter, a round trip per code. Short, and easily guessed.",
    "range": "A range of ids at a time, then no round trip. Easily guessed.",
    "permuted": "Ranges of ids, shuffled by a secret permutation key. The default.",
    "stride": "Eight independent counters with different offsets.",
    "random": "Drawn at random, and drawn again when the code is taken.",
    "hash": "SHA-256 of the target URL, truncated; salted again when taken.",
    "pool": "Drawn in advance into a table, and claimed row by row.",
    "snowflake": "Time, worker id and sequence in 63 bits. Eleven characters.",
}
