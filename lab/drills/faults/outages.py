"""Damage to Redis and Postgres: killed, hung, away."""

import contextlib
import time
from collections.abc import Iterator

from lab.drills.drill import Stage, frozen


def kill_redis(stage: Stage) -> None:
    """It starts again at once, with what its file holds."""
    _kill(stage, "redis")


def kill_postgres(stage: Stage) -> None:
    """It starts again at once, and recovers from its log."""
    _kill(stage, "postgres")


def hang_redis(stage: Stage) -> None:
    """It accepts connections and answers nothing: worse than being away, as each call waits."""
    stage.tell(f"SIGSTOP redis for {stage.duration_s:g} s")
    with frozen(stage.hop.servers.pid("redis")):
        time.sleep(stage.duration_s)


def take_redis_away(stage: Stage) -> None:
    """Stopped in its own way, started again after the drill's length."""
    with _away(stage, "redis"):
        time.sleep(stage.duration_s)


def take_postgres_away(stage: Stage) -> None:
    """Stopped in its own way, started again after the drill's length."""
    with _away(stage, "postgres"):
        time.sleep(stage.duration_s)


def _kill(stage: Stage, name: str) -> None:
    stage.tell(f"SIGKILL {name}, process {stage.hop.servers.pid(name)}")
    stage.hop.servers.kill_server(name)
    stage.hop.servers.start_server(name)


@contextlib.contextmanager
def _away(stage: Stage, name: str) -> Iterator[None]:
    stage.tell(f"{name} is away for {stage.duration_s:g} s")
    stage.hop.servers.stop_server(name)
    try:
        yield
    finally:
        stage.hop.servers.start_server(name)
