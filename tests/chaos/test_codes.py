"""Codes from many processes that are killed at random: none twice, no id unaccounted for."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from db.key_ranges import KeyRanges
from db.pool import Pool
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted

pytestmark = pytest.mark.chaos

PROCESSES = 8
CODES_EACH = 50_000
KILLS = 12


def test_no_code_is_made_twice_when_processes_are_killed(
    tmp_path: Path, database_url: str, pool: Pool
):
    chance = random.Random(7)
    made: list[Path] = []
    running: dict[int, subprocess.Popen[bytes]] = {}
    wanted = dict.fromkeys(range(PROCESSES), CODES_EACH)
    killed: set[int] = set()

    def start(place: int) -> None:
        made.append(tmp_path / f"{len(made)}")
        script = [sys.executable, "-m", "tests.chaos.make_codes", database_url, str(made[-1])]
        running[place] = subprocess.Popen([*script, str(wanted[place])])
        files[running[place].pid] = made[-1]

    files: dict[int, Path] = {}
    for place in range(PROCESSES):
        start(place)
    while running:
        place = chance.choice(list(running))
        process = running[place]
        time.sleep(chance.uniform(0, 0.05))
        if process.poll() is None and len(killed) < KILLS and files[process.pid].exists():
            process.kill()
            process.wait()
            killed.add(process.pid)
        if process.poll() is not None:
            written = sum(1 for line in _lines(files[process.pid]) if not line.startswith("unused"))
            wanted[place] -= written
            del running[place]
            if wanted[place] > 0:
                start(place)
    assert len(killed) == KILLS

    _check_every_id(pool, files, killed)


def _check_every_id(pool: Pool, files: dict[int, Path], killed: set[int]) -> None:
    ranges = KeyRanges(pool)
    strategy = Permuted(RangeAllocator(ranges), ranges.permutation_key)
    with pool.connection() as connection:
        grants = connection.execute(
            "SELECT split_part(holder, ':', 2)::int, start_id, stop_id FROM key_range_grants"
        ).fetchall()
        next_id = connection.execute("SELECT next_id FROM key_ranges").fetchone()[0]
    granted: dict[int, set[int]] = {}
    for holder, start, stop in grants:
        granted.setdefault(holder, set()).update(range(start, stop))
    assert sum(len(ids) for ids in granted.values()) == next_id  # no range overlaps another

    codes: Counter[str] = Counter()
    unused = 0
    for pid, file in files.items():
        lines = _lines(file)
        reported = [int(line.split()[1]) for line in lines if line.startswith("unused")]
        own = [line for line in lines if not line.startswith("unused")]
        codes.update(own)
        held = granted.get(pid, set()) - {strategy.id_of(code) for code in own}
        assert len(held) == len(granted.get(pid, set())) - len(own)
        if pid not in killed:
            assert [len(held)] == reported  # what a process that ended says it had left
        unused += len(held)
    assert codes.most_common(1)[0][1] == 1
    assert codes.total() == PROCESSES * CODES_EACH
    assert unused == next_id - codes.total()


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
