"""Runs both sides of a race and counts the damaged links."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

import psycopg
import redis

from db.connect.pool import Connection
from lab.races.race import Client, Outcome, Race, RaceResult, Side
from lab.servers import LabServers

MEET_WITHIN_S: Final = 10.0

_FRESH: Final = "DROP SCHEMA IF EXISTS race CASCADE; CREATE SCHEMA race"


def run_race(race: Race, servers: LabServers, *, clients: int = 6, rounds: int = 20) -> RaceResult:
    """Run both sides with the same number of clients and rounds; one call per client and round."""
    outcomes = []
    for side, schema in ((race.faulty, ""), (race.mended, race.remedy_schema)):
        with Connection.connect(servers.database_url, autocommit=True) as connection:
            connection.execute(_FRESH)
            connection.execute("SET search_path = race")
            connection.execute(race.schema)
            connection.execute(schema)
        outcomes.append(_run_side(race, side, servers, clients, rounds))
    return RaceResult(race.name, race.goes_wrong, race.remedy, race.seen_in, *outcomes)


def count_damaged(keys: Iterable[str | int]) -> int:
    """Of the links that share a key only one can be reached."""
    return sum(number - 1 for number in Counter(keys).values())


@dataclass(slots=True)
class _Tally:
    """What one client met with."""

    keys: list[str | int]
    failed: int
    retries: int


def _run_side(race: Race, side: Side, servers: LabServers, clients: int, rounds: int) -> Outcome:
    started = time.monotonic()
    if race.halfway is None:
        tallies = _run_clients(side, servers, clients, range(rounds))
    else:
        tallies = _run_clients(side, servers, clients, range(rounds // 2))
        race.halfway(servers)
        tallies += _run_clients(side, servers, clients, range(rounds // 2, rounds))
    keys = [key for tally in tallies for key in tally.keys]
    failed = sum(tally.failed for tally in tallies) * race.links_per_call
    return Outcome(
        attempts=clients * rounds * race.links_per_call,
        damaged=count_damaged(keys) + failed,
        retries=sum(tally.retries for tally in tallies),
        duration_s=round(time.monotonic() - started, 3),
    )


def _run_clients(side: Side, servers: LabServers, clients: int, rounds: range) -> list[_Tally]:
    """Run rounds of a side in as many threads as there are clients."""
    barrier = threading.Barrier(clients, timeout=MEET_WITHIN_S)
    with ThreadPoolExecutor(clients) as executor:
        futures = [
            executor.submit(_run_client, side, servers, number, rounds, barrier)
            for number in range(clients)
        ]
        try:
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in ended:
                future.result()  # raises what went wrong first
            return [future.result() for future in futures]
        except BaseException:
            barrier.abort()  # or the other threads would wait for one that is gone
            raise


def _run_client(
    side: Side, servers: LabServers, number: int, rounds: range, barrier: threading.Barrier
) -> _Tally:
    keys: list[str | int] = []
    failed = 0
    with (
        Connection.connect(
            servers.database_url, autocommit=True, options="-c search_path=race"
        ) as connection,
        redis.Redis.from_url(servers.redis_url) as redis_client,
    ):
        client = Client(number, connection, redis_client, barrier)
        for round_ in rounds:
            client.begin_round(round_)
            try:
                keys += side(client)
            except psycopg.errors.SerializationFailure:
                failed += 1
    return _Tally(keys, failed, client.retries)
