"""Everything at once, at random."""

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

from lab.drills.drill import Stage
from lab.drills.faults import outages, processes, stream
from lab.drills.hop.running_hop import HopError

LONGEST_FAULT_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Faults that happen one after the other, with random pauses; all lanes at the same time."""

    longest_pause_s: float
    faults: tuple[Callable[[Stage], None], ...]


# So Redis may hang while Postgres is away and a web process is killed. The pauses leave room for
# what is between two faults: nothing is learnt from a hop that is always down.
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
# A fault that needs a part which another lane has just taken away.
_HINDERED: Final = (
    *(HopError, ProcessLookupError),
    *(psycopg.Error, redis.RedisError, urllib3.exceptions.HTTPError),
)


def do_everything(stage: Stage) -> None:
    """Let every lane do its faults at random moments, for the drill's length."""
    deadline = time.monotonic() + stage.duration_s
    stages = [
        dataclasses.replace(stage, chance=random.Random(seed))
        for seed in (stage.chance.random() for _ in LANES)
    ]
    stopping = threading.Event()
    with ThreadPoolExecutor(len(LANES)) as lanes:
        running = [
            lanes.submit(_run_lane, lane, each, deadline, stopping)
            for lane, each in zip(LANES, stages, strict=True)
        ]
        try:
            for lane in running:
                lane.result()
        finally:
            stopping.set()
    stage.web_processes_ended = sum(each.web_processes_ended for each in stages)


def _run_lane(lane: Lane, stage: Stage, deadline: float, stopping: threading.Event) -> None:
    while (left_s := deadline - time.monotonic()) > 0:
        if stopping.wait(min(left_s, stage.chance.uniform(0, lane.longest_pause_s))):
            return
        stage.duration_s = round(min(left_s, stage.chance.uniform(0.2, LONGEST_FAULT_S)), 1)
        fault = stage.chance.choice(lane.faults)
        try:
            fault(stage)
        except _HINDERED as error:
            reason = str(error).splitlines()[0]
            stage.tell(f"{fault.__name__} was hindered by another fault: {reason}")
