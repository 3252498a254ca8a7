"""Faults of hop's own processes: web processes, the worker, and a second worker."""

import os
import signal
import time
from typing import Final

import psycopg

from lab.drills.drill import FaultContext
from lab.drills.hop.waiting import wait_until
from lab.processes import frozen, stop_process

TRANSACTION_WITHIN_S: Final = 10.0
STOPPED_WITHIN_S: Final = 40.0
FREEZE_S: Final = 1.0

# Conflicts with every write and no read.
_LOCK: Final = "LOCK TABLE click_totals IN EXCLUSIVE MODE"
_COUNT_WAITING: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'hop-worker' AND wait_event_type = 'Lock' AND xact_start IS NOT NULL
"""


def kill_web(context: FaultContext) -> None:
    """Kill one web process. Its journal's lock is released; another process adopts the journal."""
    _kill(context, "web")


def kill_server(context: FaultContext) -> None:
    """Kill gunicorn's first process; its web processes end with it."""
    _kill(context, "gunicorn")


def kill_worker(context: FaultContext) -> None:
    """Kill the worker at an arbitrary moment."""
    _kill(context, "worker")


def kill_worker_in_transaction(context: FaultContext) -> None:
    """Lock a table so that the worker's transaction stays open, kill the worker, unlock."""
    database_url = context.hop.servers.database_url
    with psycopg.connect(database_url) as locker:
        locker.execute(_LOCK)
        with psycopg.connect(database_url, autocommit=True) as watcher:
            wait_until(
                lambda: watcher.execute(_COUNT_WAITING).fetchone() != (0,),
                "the worker's transaction",
                TRANSACTION_WITHIN_S,
            )
        context.log("the worker is in a transaction")
        _kill(context, "worker")


def run_two_workers(context: FaultContext) -> None:
    """Run a second worker on the same stream; freeze, then kill each of the two."""
    second = context.hop.start_program("worker")
    try:
        context.log(f"second worker started, process {second.pid}")
        time.sleep(context.duration_s)
        for pid in (*context.hop.pids("worker"), second.pid):
            context.log(f"process {pid} is frozen for {FREEZE_S:.0f} s")
            with frozen(pid):
                time.sleep(FREEZE_S)
        _kill(context, "worker")
        time.sleep(context.duration_s)
        context.log(f"SIGKILL the second worker, process {second.pid}")
        second.kill()
    finally:
        stop_process(second, STOPPED_WITHIN_S)


def _kill(context: FaultContext, name: str) -> None:
    """SIGKILL the first process of that name in demo.json; return when another replaces it."""
    victim = context.hop.pid(name)
    if name != "worker":
        ended = len(context.hop.pids("web")) if name == "gunicorn" else 1
        context.web_processes_ended += ended
    context.log(f"SIGKILL {name}, process {victim}")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: (pids := context.hop.pids(name)) and victim not in pids, f"another {name}")
