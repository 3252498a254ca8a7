"""All kinds of faults at the same time, at random."""

import dataclasses
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import psycopg
import redis
import urllib3

from lab.drills.drill import FaultContext
from lab.drills.faults import outages, processes, stream
from lab.drills.hop.waiting import HopError

LONGEST_FAULT_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Faults that follow one another after random pauses. Lanes run in parallel."""

    longest_pause_s: float
    faults: tuple[Callable[[FaultContext], None], ...]


# Redis may hang while Postgres is down and a web process is killed. The pauses give hop time to
# work: a hop that is always down shows nothing.
LANES: Final = (
    Lane(8, (outages.kill_redis, outages.hang_redis, outages.take_redis_away)),
    Lane(8, (outages.kill_postgres, outages.take_postgres_away)),
    Lane(12, (processes.kill_web, processes.kill_web, processes.kill_server)),
    Lane(
        3,
        (
            *(processes.kill_worker, processes.kill_worker_in_transaction),
            *(stream.flush_redis, stream.trim_stream, stream.shuffle_stream),
        ),
    ),
)
# A fault raises these when another lane has taken away what it needs.
_HINDERED: Final = (
    *(HopError, ProcessLookupError),
    *(psycopg.Error, redis.RedisError, urllib3.exceptions.HTTPError),
)


def do_everything(context: FaultContext) -> None:
    """Run all lanes for the drill's duration."""
    deadline = time.monotonic() + context.duration_s
    contexts = [
        dataclasses.replace(context, rng=random.Random(context.rng.random())) for _ in LANES
    ]
    stopping = threading.Event()
    with ThreadPoolExecutor(len(LANES)) as threads:
        lanes = [
            threads.submit(_run_lane, lane, each, deadline, stopping)
            for lane, each in zip(LANES, contexts, strict=True)
        ]
        try:
            for lane in lanes:
                lane.result()
        finally:
            stopping.set()
    context.web_processes_ended = sum(each.web_processes_ended for each in contexts)


def _run_lane(
    lane: Lane, context: FaultContext, deadline: float, stopping: threading.Event
) -> None:
    rng = context.rng
    while (left_s := deadline - time.monotonic()) > 0:
        if stopping.wait(min(left_s, rng.uniform(0, lane.longest_pause_s))):
            return
        context.duration_s = round(min(left_s, rng.uniform(0.2, LONGEST_FAULT_S)), 1)
        fault = rng.choice(lane.faults)
        try:
            fault(context)
        except _HINDERED as error:
            reason = str(error).splitlines()[0]
            context.log(f"another fault prevents {fault.__name__}: {reason}")
