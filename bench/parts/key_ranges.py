"""Processes that make codes and are killed: `python -m bench.parts.key_ranges`.

Sixteen processes make a million codes from ranges on an embedded Postgres. Some are killed with
SIGKILL at random moments and replaced. Afterwards every code is read back to its id, and every id
that was ever reserved must be either in exactly one process's file or behind the last one that the
process was able to write: a gap, which belongs to a process that is known to have ended.
"""

import random
import signal
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import click

from app.settings import Settings
from db.codes.ranges import KeyRanges
from db.connect.pool import Pool, open_pool
from keygen.ranges import RangeAllocator
from keygen.strategies.permuted import Permuted
from lab.servers import lab_servers
from lab.strategies.makers.code_files import count_codes, write_codes
from lab.strategies.makers.processes import forkserver_context

KILL_EVERY_S = (0.01, 0.2)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown. The first five count codes or ids."""

    codes: int
    duplicates: int
    reserved: int
    wasted: int
    unaccounted: int  # reserved, and neither written nor at the end of some process's range
    kills: int
    processes: int
    seconds: float


def run(
    database_url: str, directory: Path, *, codes: int, processes: int, kills: int, seed: int = 62
) -> Outcome:
    """Make codes in many processes, kill some of them, and account for every id.

    Args:
        database_url: a migrated database in which nobody else makes codes.
        directory: empty; gets one file per process.
        codes: in all; processes that are killed are replaced until there are so many.
        processes: at a time.
        kills: how often a process is killed, unless all codes are made before.
        seed: of the choice whom to kill, and when.
    """
    started = time.monotonic()
    folders = [directory / str(number) for number in range(processes)]
    chance = random.Random(seed)
    killed = _make_codes(database_url, folders, codes // processes, kills, chance)
    seconds = time.monotonic() - started
    with open_pool(database_url, name="hop-bench") as pool:
        return _account(pool, directory, killed=killed, seconds=seconds)


def _make_codes(
    database_url: str, folders: list[Path], share: int, kills: int, chance: random.Random
) -> int:
    """Keep one process per folder at work until each folder has its share; returns the kills."""
    killed = 0
    for folder in folders:
        folder.mkdir()
    running = {folder: _start(database_url, folder, share) for folder in folders}
    while running:
        time.sleep(chance.uniform(*KILL_EVERY_S))
        working = [process for folder, process in running.items() if _has_written(folder, process)]
        if working and killed < kills:
            victim = chance.choice(working)
            victim.kill()
            victim.join()
            killed += victim.exitcode == -signal.SIGKILL  # and not done just before
        for folder, process in list(running.items()):
            if not process.is_alive():
                process.join()
                missing = share - count_codes(folder)
                if missing:
                    running[folder] = _start(database_url, folder, missing)
                else:
                    del running[folder]
    return killed


def _start(database_url: str, folder: Path, codes: int) -> BaseProcess:
    settings = Settings(database_url=database_url, redis_url="", range_size=1_000)
    arguments = (settings, folder, codes)
    process = forkserver_context().Process(target=write_codes, args=arguments, daemon=True)
    process.start()
    return process


def _has_written(folder: Path, process: BaseProcess) -> bool:
    return any(file.stat().st_size for file in folder.glob(f"*:{process.pid}"))


def _account(pool: Pool, directory: Path, *, killed: int, seconds: float) -> Outcome:
    ranges = KeyRanges(pool)
    id_of = Permuted(RangeAllocator(ranges), ranges.permutation_key).id_of
    written = {
        file.name: [id_of(code) for code in file.read_text().split()]
        for file in directory.glob("*/*")
    }
    with pool.connection() as connection:
        grants = connection.execute(
            "SELECT holder, start_id, stop_id FROM key_range_grants ORDER BY start_id"
        ).fetchall()
        row = connection.execute("SELECT next_id FROM key_ranges").fetchone()
    reserved = row[0] if row else 0
    codes = sum(len(ids) for ids in written.values())
    distinct = {id_ for ids in written.values() for id_ in ids}
    wasted = sum(_count_wasted(grants, holder, ids) for holder, ids in written.items())
    return Outcome(
        codes=codes,
        duplicates=codes - len(distinct),
        reserved=reserved,
        wasted=wasted,
        unaccounted=reserved - len(distinct) - wasted,
        kills=killed,
        processes=len(written),
        seconds=seconds,
    )


def _count_wasted(grants: list[tuple[str, int, int]], holder: str, written: list[int]) -> int:
    """How many ids a process was given beyond the last one that it wrote.

    Ids that are missing before that one are not counted: they show as unaccounted for.
    """
    given = [id_ for name, start, stop in grants if name == holder for id_ in range(start, stop)]
    return len(given) - (given.index(written[-1]) + 1 if written else 0)


@click.command()
@click.option("--codes", default=1_000_000, show_default=True)
@click.option("--processes", default=16, show_default=True, help="At a time.")
@click.option("--kills", default=40, show_default=True)
@click.option("--seed", default=62, show_default=True, help="Of whom to kill, and when.")
def main(codes: int, processes: int, kills: int, seed: int) -> None:
    """Kill processes that make codes; end with status 1 unless every id is accounted for."""
    with tempfile.TemporaryDirectory(prefix="hop-bench-") as name:
        directory = Path(name) / "codes"
        directory.mkdir()
        with lab_servers(with_redis=False) as servers:
            outcome = run(
                servers.database_url,
                directory,
                codes=codes,
                processes=processes,
                kills=kills,
                seed=seed,
            )
    click.echo(
        f"{outcome.codes:,} codes by {outcome.processes} processes, {outcome.kills} of them killed,"
        f" in {outcome.seconds:.1f} s\n"
        f"{outcome.duplicates} duplicates\n"
        f"{outcome.reserved:,} ids reserved = {outcome.codes:,} written + {outcome.wasted:,} wasted"
        f" + {outcome.unaccounted} unaccounted for"
    )
    raise SystemExit(outcome.duplicates != 0 or outcome.unaccounted != 0)


if __name__ == "__main__":
    main()
