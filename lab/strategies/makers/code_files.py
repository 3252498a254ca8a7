"""Processes that write down every code they make, until they are killed in the middle.

What a process was granted and did not use is wasted when it dies. Granted is what the database
says; used is what stands in the process's file, written before the next code is asked for.
"""

import os
import time
from pathlib import Path
from typing import Final

from app.links.codes import open_strategy
from app.settings import Settings
from db.codes.counters import COUNTER, STRIDES, SequenceCounter
from db.codes.ranges import this_process
from db.connect.pool import Pool, connection_to, open_pool
from lab.strategies.makers.processes import MakerError, clean_context, running

NAME: Final = "hop-lab-killed"  # of their connections
STARTED_WITHIN_S: Final = 60.0
LINE_BYTES: Final = 8  # seven characters and a line feed
_POLL_S: Final = 0.001
_NEVER: Final = 2**31


def write_codes(
    settings: Settings, folder: Path, codes: int = _NEVER, pause_s: float = 0.0
) -> None:
    """What such a process does: each code goes to a file that bears the process's name.

    Args:
        settings: database, strategy and size of ranges.
        folder: exists; the file in it is called like the holder of the process's ranges.
        codes: how many.
        pause_s: waits so long after each, for a process that is not to be faster than a service.
    """
    file = os.open(folder / this_process(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open_pool(settings.database_url, name=NAME, max_size=1) as pool:
        source = open_strategy(settings, pool)
        for _ in range(codes):
            os.write(file, f"{source.strategy.candidate('', 0)}\n".encode())
            if pause_s:
                time.sleep(pause_s)
        source.close()


def measure_waste(
    pool: Pool, settings: Settings, folder: Path, *, kill_after: int, pause_s: float = 0.0
) -> int:
    """Kill one process after it made so many codes; returns how many ids that wasted.

    Args:
        pool: on the database of `settings`, in which nobody else makes codes meanwhile.
        settings: database, size of ranges, and a strategy of which `count_granted` knows.
        folder: empty.
        kill_after: codes that it makes, or a few more.
        pause_s: between two codes.

    Raises:
        MakerError: the process ended by itself, or makes no codes.
    """
    before = count_granted(pool, settings.keygen)
    process = clean_context().Process(
        target=write_codes, args=(settings, folder, _NEVER, pause_s), daemon=True
    )
    deadline_s = time.monotonic() + STARTED_WITHIN_S
    with running([process]):
        while count_codes(folder) < kill_after:
            if not process.is_alive() or time.monotonic() > deadline_s:
                raise MakerError(f"a process with strategy {settings.keygen} makes no codes")
            time.sleep(_POLL_S)
    _wait_until_alone(pool)
    return count_granted(pool, settings.keygen) - before - count_codes(folder)


def count_granted(pool: Pool, strategy: str) -> int:
    """How many ids or codes the database has ever given out.

    Raises:
        DatabaseUnavailableError: Postgres is away.
        ValueError: the strategy gets neither from the database.
    """
    match strategy:
        case "counter":
            return SequenceCounter(pool, COUNTER).read_next()
        case "stride":
            return sum(SequenceCounter(pool, sequence).read_next() for sequence in STRIDES)
        case "range" | "permuted":
            return _read_number(pool, "SELECT next_id FROM key_ranges")
        case "pool":  # a claim deletes a row
            return _read_number(
                pool, "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'key_pool'"
            )
        case _:
            raise ValueError(f"{strategy} is granted nothing")


def count_codes(folder: Path) -> int:
    """How many codes stand in the files of a folder."""
    return sum(file.stat().st_size for file in folder.iterdir()) // LINE_BYTES


def _wait_until_alone(pool: Pool) -> None:
    """Wait for the dead process's backend: it may be at a statement, and counts at its end."""
    deadline_s = time.monotonic() + STARTED_WITHIN_S
    query = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}'"
    while _read_number(pool, query) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)


def _read_number(pool: Pool, query: str) -> int:
    with connection_to(pool) as connection:
        row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0
