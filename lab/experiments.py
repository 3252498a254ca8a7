"""The experiments on codes, each from start to report, for `hop keygen` and the lab's page.

Each function takes its options, an existing directory for the report (None: write no report), and
a progress callback. Each raises EmbeddedServerError or MakerError if a server or process that it
starts fails, and OSError if the report cannot be written. None is thread-safe: they start processes
and install a SIGTERM handler while servers run.
"""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from keygen.strategies import StrategyName
from lab.collisions import birthday
from lab.collisions import report as collision_report
from lab.races import report as race_report
from lab.races.catalogue import RACES
from lab.races.run_race import run_race
from lab.report.progress import OnProgress, Progress, count_steps
from lab.report.report_files import write_report
from lab.report.run_facts import RunFacts, read_postgres_version
from lab.servers import lab_servers
from lab.strategies import clock_report
from lab.strategies.clock_steps import run_cases
from lab.strategies.comparison import report as compare_report
from lab.strategies.comparison.compare import STRATEGIES, ComparisonSettings, compare_strategies
from lab.strategies.crashes import report as crash_report
from lab.strategies.crashes.crash import KILLS, RANGE_SIZES, measure_crashes


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of an experiment; this base has none. The page shows each field with a title.

    Bounds apply to options decoded from JSON; the command line sets its own, wider bounds.
    """


class CompareOptions(Options, frozen=True):
    strategies: Annotated[
        tuple[StrategyName, ...], Meta(min_length=1, max_length=8, title="Strategies")
    ] = STRATEGIES
    codes: Annotated[int, Meta(ge=1_000, le=100_000, title="Codes per strategy")] = 10_000
    processes: Annotated[int, Meta(ge=1, le=4, title="Processes")] = 2
    length: Annotated[int, Meta(ge=3, le=10, title="Code length")] = 7


class CollideOptions(Options, frozen=True):
    codes: Annotated[int, Meta(ge=1_000, le=10_000_000, title="Codes per method")] = 1_000_000
    seed: int | None = None  # None: draw one


class CrashOptions(Options, frozen=True):
    kills: Annotated[int, Meta(ge=1, le=16, title="Kills per range size")] = KILLS
    range_sizes: Annotated[
        tuple[Annotated[int, Meta(ge=10, le=100_000)], ...], Meta(min_length=1, max_length=4)
    ] = RANGE_SIZES
    seed: int | None = None  # None: draw one


class RacesOptions(Options, frozen=True):
    clients: Annotated[int, Meta(ge=2, le=16, title="Concurrent clients")] = 6
    rounds: Annotated[int, Meta(ge=2, le=100, title="Rounds")] = 20
    only: tuple[str, ...] = ()  # names of races; empty: all


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of an experiment."""

    summary: str  # one or two sentences
    text: str  # all results, for a terminal
    numbers: object  # all results as dataclasses, for JSON
    fault: str = ""  # an invariant that did not hold; empty: none


def compare(options: CompareOptions, directory: Path | None, on_progress: OnProgress) -> Result:
    """Compare the strategies: speed, duplicates and waste, in real processes with Postgres."""
    chosen = [each for each in STRATEGIES if each in options.strategies]
    settings = ComparisonSettings(chosen, options.codes, options.processes, options.length)
    started_s = time.monotonic()
    with lab_servers(with_redis=False) as servers:
        found = compare_strategies(servers, settings, on_progress)
        facts = RunFacts(
            postgres=read_postgres_version(servers.database_url),
            processes=settings.processes,
            codes=settings.codes,
            duration_s=time.monotonic() - started_s,
        )
    if directory is not None:
        page = compare_report.render_report(found, facts)
        write_report(directory, "compare", page, found, facts)
    duplicates = [each.strategy for each in found if each.duplicates]
    return Result(
        summary=" ".join(compare_report.verdicts(found)),
        text=compare_report.as_text(found, facts),
        numbers={"facts": facts, "rows": found},
        fault=f"duplicates got through: {', '.join(duplicates)}" if duplicates else "",
    )


def collide(options: CollideOptions, directory: Path | None, on_progress: OnProgress) -> Result:
    """Generate random and hash codes until they collide; compare with the birthday bound."""
    seed = _draw_seed() if options.seed is None else options.seed
    add = count_steps(on_progress, birthday.codes_to_make(options.codes), "making codes")
    found = birthday.measure(seed=seed, budget=options.codes, on_progress=add)
    if directory is not None:
        page = collision_report.render_report(found, seed)
        write_report(directory, "collide", page, found)
    verdict = collision_report.verdict(found)
    return Result(
        summary=verdict,
        text=f"{collision_report.as_table(found).as_text()}\n\n{verdict}\nseed {seed}",
        numbers={"seed": seed, "measurements": found},
    )


def crash(options: CrashOptions, directory: Path | None, on_progress: OnProgress) -> Result:
    """Kill processes that generate codes, and count the wasted ids."""
    seed = _draw_seed() if options.seed is None else options.seed
    add = count_steps(on_progress, len(options.range_sizes) * options.kills, "killing processes")
    with lab_servers(with_redis=False) as servers:
        found = measure_crashes(
            servers,
            range_sizes=options.range_sizes,
            kills=options.kills,
            seed=seed,
            on_progress=add,
        )
    if directory is not None:
        write_report(directory, "crash", crash_report.render_report(found, seed), found)
    agreeing = sum(each.agrees for each in found)
    return Result(
        summary=f"{agreeing} of {len(found)} range sizes waste as many ids as expected.",
        text=f"{crash_report.as_table(found).as_text()}\n\nseed {seed}",
        numbers={"seed": seed, "sizes": found},
    )


def races(options: RacesOptions, directory: Path | None, on_progress: OnProgress) -> Result:
    """Reproduce known race conditions of link shorteners, each without and with its remedy."""
    chosen = [race for name, race in RACES.items() if not options.only or name in options.only]
    results = []
    with lab_servers() as servers:
        for number, race in enumerate(chosen):
            on_progress(Progress(number, len(chosen), race.name))
            results.append(run_race(race, servers, clients=options.clients, rounds=options.rounds))
    table = race_report.as_table(results)
    if directory is not None:
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        write_report(directory, "races", race_report.render_report(results), rows)
    broken = [each.name for each in results if each.with_remedy.damaged]
    return Result(
        summary=race_report.summarise(results),
        text="\n".join([table.as_text(), "", *race_report.describe_faults(results)]),
        numbers=results,
        fault=f"links were damaged despite the remedy: {', '.join(broken)}" if broken else "",
    )


def clock(_options: Options, directory: Path | None, _on_progress: OnProgress) -> Result:
    """Generate snowflakes while simulated clocks step back. Takes about a second."""
    found = run_cases()
    if directory is not None:
        write_report(directory, "clock", clock_report.render_report(found), found)
    return Result(
        summary=clock_report.summarise(found),
        text=clock_report.as_table(found).as_text(),
        numbers=found,
        fault="hop's snowflake made a duplicate" if any(each.duplicates for each in found) else "",
    )


def _draw_seed() -> int:
    return secrets.randbelow(2**31)
