"""Faults of Redis and Postgres: killed, hung, or down for a while."""

import time

from lab.drills.drill import FaultContext
from lab.processes import frozen


def kill_redis(context: FaultContext) -> None:
    """SIGKILL Redis and start it at once on its append-only file."""
    _kill(context, "redis")


def kill_postgres(context: FaultContext) -> None:
    """SIGKILL Postgres and start it at once; it recovers from its write-ahead log."""
    _kill(context, "postgres")


def hang_redis(context: FaultContext) -> None:
    """Freeze Redis: it accepts connections and answers nothing, so each call waits."""
    context.log(f"SIGSTOP redis for {context.duration_s:g} s")
    with frozen(context.hop.servers.pid("redis")):
        time.sleep(context.duration_s)


def take_redis_away(context: FaultContext) -> None:
    """Shut Redis down and start it again after the drill's duration."""
    _take_away(context, "redis")


def take_postgres_away(context: FaultContext) -> None:
    """Shut Postgres down and start it again after the drill's duration."""
    _take_away(context, "postgres")


def _kill(context: FaultContext, name: str) -> None:
    servers = context.hop.servers
    context.log(f"SIGKILL {name}, process {servers.pid(name)}")
    servers.kill_server(name)
    servers.start_server(name)


def _take_away(context: FaultContext, name: str) -> None:
    context.log(f"{name} is down for {context.duration_s:g} s")
    context.hop.servers.stop_server(name)
    try:
        time.sleep(context.duration_s)
    finally:
        context.hop.servers.start_server(name)
