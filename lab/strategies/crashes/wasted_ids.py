"""Ids that a process wastes when it is killed: granted by the database, but never used."""

import time
from pathlib import Path
from typing import Any, Final, LiteralString

from app.settings import Settings
from db.codes.counters import COUNTER, STRIDES, SequenceCounter
from db.connect.pool import Pool, connection_to
from lab.strategies.makers.code_files import APPLICATION_NAME, count_codes, write_codes
from lab.strategies.makers.processes import MakerError, forkserver_context, running

STARTED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.001

_NEXT_ID: Final = "SELECT next_id FROM id_ranges"
_CLAIMED_CODES: Final = "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'code_pool'"
_CONNECTIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"


def measure_waste(
    pool: Pool, settings: Settings, folder: Path, *, kill_after: int, pause_s: float = 0.0
) -> int:
    """Kill a maker; returns how many ids that wasted.

    Args:
        pool: of the database of `settings`, in which no other process creates codes.
        settings: database, size of ranges, and a strategy that `count_granted` accepts.
        folder: empty; gets the maker's file.
        kill_after: codes that the maker creates before, or a few more.
        pause_s: between two codes.

    Raises:
        MakerError: the process ends by itself, or creates no codes.
    """
    granted_before = count_granted(pool, settings.keygen)
    process = forkserver_context().Process(
        target=write_codes, args=(settings, folder), kwargs={"pause_s": pause_s}, daemon=True
    )
    deadline_s = time.monotonic() + STARTED_WITHIN_S
    with running([process]):
        while count_codes(folder) < kill_after:
            if not process.is_alive() or time.monotonic() > deadline_s:
                raise MakerError(f"a process with strategy {settings.keygen} creates no codes")
            time.sleep(_POLL_S)
    _wait_until_disconnected(pool)
    return count_granted(pool, settings.keygen) - granted_before - count_codes(folder)


def count_granted(pool: Pool, strategy: str) -> int:
    """How many ids or codes the database has granted so far.

    Raises:
        DatabaseUnavailableError: Postgres is down.
        ValueError: the strategy gets neither from the database.
    """
    match strategy:
        case "counter":
            return SequenceCounter(pool, COUNTER).read_next()
        case "stride":
            return sum(SequenceCounter(pool, sequence).read_next() for sequence in STRIDES)
        case "range" | "permuted":
            return _read_number(pool, _NEXT_ID)
        case "pool":  # a claim deletes a row
            return _read_number(pool, _CLAIMED_CODES)
        case _:
            raise ValueError(f"strategy {strategy} gets nothing from the database")


def _wait_until_disconnected(pool: Pool) -> None:
    """Wait for the killed process's backends: one may still run a statement that grants ids."""
    deadline_s = time.monotonic() + STARTED_WITHIN_S
    while _read_number(pool, _CONNECTIONS, APPLICATION_NAME) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)


def _read_number(pool: Pool, query: LiteralString, *parameters: Any) -> int:
    with connection_to(pool) as connection:
        row = connection.execute(query, parameters).fetchone()
        return int(row[0]) if row else 0
