"""What a race is, and how it ends.

The clients of a side are threads, each with a connection of its own, so each is served by its own
Postgres process. A faulty side calls `meet` between reading and writing: a barrier at which all
clients wait for each other. That forces the interleaving which in a real service waits for a busy
moment, so the damage does not depend on luck. Nothing else is added to the fault.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import LiteralString

import redis

from db.connect.pool import Connection
from lab.servers import LabServers


@dataclass(slots=True)
class Client:
    """One of several that make links at the same time."""

    number: int
    connection: Connection  # in autocommit mode
    redis: "redis.Redis"
    barrier: threading.Barrier
    round: int = 0
    retries: int = 0
    has_met: bool = False

    def begin_round(self, number: int) -> None:
        """Wait for all clients, so that the mended ones begin at the same moment too."""
        self.round, self.has_met = number, False
        self.barrier.wait()

    def meet(self) -> None:
        """Wait until every client of the round has come this far; a second try does not wait."""
        if not self.has_met:
            self.has_met = True
            self.barrier.wait()


# Makes links and returns their keys, the codes or ids that their users are told. No key means a
# proper refusal. A serialization failure that escapes is a request that ended in an error.
Side = Callable[[Client], Iterable[str | int]]


@dataclass(frozen=True, slots=True)
class Race:
    """A fault and its remedy. Both sides start from `schema`, the mended one adds its remedy."""

    name: str
    goes_wrong: str  # one sentence
    remedy: str  # a few words
    schema: LiteralString
    faulty: Side
    mended: Side
    remedy_schema: LiteralString = ""
    seen_in: str = ""
    links_per_call: int = 1
    halfway: Callable[[LabServers], None] | None = None  # a disaster between two halves


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one side ended. A damaged link was promised and cannot be reached, or was not made."""

    attempts: int  # links asked for
    damaged: int
    retries: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class RaceResult:
    """Both sides of a race."""

    name: str
    goes_wrong: str
    remedy: str
    seen_in: str
    without: Outcome
    with_remedy: Outcome
