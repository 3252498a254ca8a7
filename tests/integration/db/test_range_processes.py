"""Processes killed at random while they make codes: no code occurs twice, no id is unaccounted for.

HOP_TEST_CODES=1000000 makes it a long run.
"""

import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from app.settings import Settings
from db.codes.ranges import IdRanges
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted
from lab.strategies.makers.code_files import count_codes, write_codes
from lab.strategies.makers.processes import forkserver_context

CODES = int(os.environ.get("HOP_TEST_CODES", "100000"))
PROCESSES, KILLS = 8, 12
KILL_EVERY_S = (0.01, 0.2)


def test_codes_are_unique_and_ids_accounted_for_when_processes_are_killed(
    database_url, pool, tmp_path: Path
):
    folders = [tmp_path / str(number) for number in range(PROCESSES)]
    kills = make_codes(database_url, folders, CODES // PROCESSES, random.Random(62))
    ranges = IdRanges(pool)
    id_of = Permuted(RangeAllocator(ranges), ranges.permutation_key).id_of
    written = {
        file.name: [id_of(code) for code in file.read_text().split()]
        for file in tmp_path.glob("*/*")
    }
    with pool.connection() as connection:
        grants = connection.execute(
            "SELECT holder, start_id, stop_id FROM id_range_grants ORDER BY start_id"
        ).fetchall()
        (reserved,) = connection.execute("SELECT next_id FROM id_ranges").fetchone()
    ids = [id_ for each in written.values() for id_ in each]
    wasted = sum(count_wasted(grants, holder, each) for holder, each in written.items())
    assert kills > 0
    assert wasted > 0
    assert len(ids) == len(set(ids)) == CODES
    assert reserved == CODES + wasted


def make_codes(database_url: str, folders: list[Path], share: int, chance: random.Random) -> int:
    """Run a process per folder until each has written its share of codes; returns the kills."""
    kills = 0
    for folder in folders:
        folder.mkdir()
    running = {folder: start(database_url, folder, share) for folder in folders}
    while running:
        time.sleep(chance.uniform(*KILL_EVERY_S))
        working = [process for folder, process in running.items() if has_written(folder, process)]
        if working and kills < KILLS:
            victim = chance.choice(working)
            victim.kill()
            victim.join()
            kills += victim.exitcode == -signal.SIGKILL  # it may have ended just before
        for folder, process in list(running.items()):
            if not process.is_alive():
                process.join()
                missing = share - count_codes(folder)
                if missing:
                    running[folder] = start(database_url, folder, missing)
                else:
                    del running[folder]
    return kills


def start(database_url: str, folder: Path, codes: int) -> BaseProcess:
    settings = Settings(database_url=database_url, redis_url="", range_size=1_000)
    process = forkserver_context().Process(
        target=write_codes, args=(settings, folder, codes), daemon=True
    )
    process.start()
    return process


def has_written(folder: Path, process: BaseProcess) -> bool:
    return any(file.stat().st_size for file in folder.glob(f"*:{process.pid}"))


def count_wasted(grants: list[tuple[str, int, int]], holder: str, written: list[int]) -> int:
    """The ids granted to a process beyond the last one that it wrote; earlier gaps do not count."""
    granted = [id_ for name, start, stop in grants if name == holder for id_ in range(start, stop)]
    return len(granted) - (granted.index(written[-1]) + 1 if written else 0)
