"""Damage to hop's own processes: web, worker, and a second worker beside it."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Final

import psycopg

from lab.drills.drill import Stage, frozen, kill
from lab.drills.hop.running_hop import end, wait_until

COUNTING_WITHIN_S: Final = 10.0
FREEZE_S: Final = 1.0

# Conflicts with every write, and with no read.
_HOLD = "LOCK TABLE click_totals IN EXCLUSIVE MODE"
_IS_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'hop-worker' AND wait_event_type = 'Lock' AND xact_start IS NOT NULL
"""


def kill_web(stage: Stage) -> None:
    """The lock of its journal is released; another web process adopts the journal."""
    kill(stage, "web")


def kill_server(stage: Stage) -> None:
    """Gunicorn's first process; its web processes end with it."""
    kill(stage, "gunicorn")


def kill_worker(stage: Stage) -> None:
    """Wherever it is at that moment."""
    kill(stage, "worker")


def kill_worker_in_transaction(stage: Stage) -> None:
    """Hold a table so that the worker's transaction stays open, kill the worker, let go."""
    with psycopg.connect(stage.hop.servers.database_url) as holder:
        holder.execute(_HOLD)
        with psycopg.connect(stage.hop.servers.database_url, autocommit=True) as watcher:
            wait_until(
                lambda: watcher.execute(_IS_WAITING).fetchone() != (0,),
                "the worker's transaction",
                COUNTING_WITHIN_S,
            )
        stage.tell("the worker is in the middle of a transaction")
        kill(stage, "worker")


def run_two_workers(stage: Stage) -> None:
    """A second worker fights for the same clicks while each in turn is frozen, then killed."""
    with _rival(stage) as rival:
        stage.tell(f"a second worker runs, process {rival}")
        time.sleep(stage.duration_s)
        for pid in (*stage.hop.pids("worker"), rival):
            stage.tell(f"process {pid} is frozen for {FREEZE_S:.0f} s; then it goes on")
            with frozen(pid):
                time.sleep(FREEZE_S)
        kill(stage, "worker")
        time.sleep(stage.duration_s)
        stage.tell(f"SIGKILL the second worker, process {rival}")
        os.kill(rival, signal.SIGKILL)


@contextlib.contextmanager
def _rival(stage: Stage) -> Iterator[int]:
    process = stage.hop.start_program("worker")
    try:
        yield process.pid
    finally:
        end(process)
