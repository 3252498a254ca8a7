"""Runs both sides of a race and counts damaged links."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Final

import psycopg
import redis

from db.connect.pool import Connection
from lab.races.race import Client, Outcome, Race, RaceResult, Side
from lab.servers import LabServers

BARRIER_TIMEOUT_S: Final = 10.0

_NEW_SCHEMA: Final = "DROP SCHEMA IF EXISTS race CASCADE; CREATE SCHEMA race"


def run_race(race: Race, servers: LabServers, *, clients: int = 6, rounds: int = 20) -> RaceResult:
    """Run both sides; each client calls its side once per round."""
    outcomes = []
    for side, schema in ((race.faulty, ""), (race.fixed, race.fixed_schema)):
        with Connection.connect(servers.database_url, autocommit=True) as connection:
            connection.execute(_NEW_SCHEMA)
            connection.execute("SET search_path = race")
            connection.execute(race.schema)
            connection.execute(schema)
        outcomes.append(_run_side(race, side, servers, clients, rounds))
    return RaceResult(race.name, race.goes_wrong, race.remedy, race.seen_in, *outcomes)


def count_damaged(codes: Iterable[str | int]) -> int:
    """Of links with the same code, only one can be reached."""
    return sum(links - 1 for links in Counter(codes).values())


def _run_side(race: Race, side: Side, servers: LabServers, clients: int, rounds: int) -> Outcome:
    started = time.monotonic()
    if race.halfway is None:
        finished = _run_clients(side, servers, clients, range(rounds))
    else:
        finished = _run_clients(side, servers, clients, range(rounds // 2))
        race.halfway(servers)
        finished += _run_clients(side, servers, clients, range(rounds // 2, rounds))
    codes = [code for client in finished for code in client.codes]
    failed = sum(client.failed for client in finished) * race.links_per_call
    return Outcome(
        attempts=clients * rounds * race.links_per_call,
        damaged=count_damaged(codes) + failed,
        retries=sum(client.retries for client in finished),
        duration_s=round(time.monotonic() - started, 3),
    )


def _run_clients(side: Side, servers: LabServers, clients: int, rounds: range) -> list[Client]:
    """Run rounds of a side in one thread per client; returns the clients with their records."""
    barrier = threading.Barrier(clients, timeout=BARRIER_TIMEOUT_S)
    with ThreadPoolExecutor(clients) as executor:
        futures = [
            executor.submit(_run_client, side, servers, number, rounds, barrier)
            for number in range(clients)
        ]
        try:
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in ended:
                future.result()  # raises the first error
            return [future.result() for future in futures]
        except BaseException:
            barrier.abort()  # other threads must not wait for one that has failed
            raise


def _run_client(
    side: Side, servers: LabServers, number: int, rounds: range, barrier: threading.Barrier
) -> Client:
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
                client.codes += side(client)
            except psycopg.errors.SerializationFailure:
                client.failed += 1
    return client
