"""The parts of a race.

Each client of a race is a thread with its own connection, so its own Postgres process serves it. A
faulty side calls `wait_for_others` between reading and writing: a barrier for all clients. It
forces the interleaving that a real service meets only when busy, so that the damage does not
depend on luck. Nothing else is added to the fault.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import LiteralString

import redis

from db.connect.pool import Connection
from lab.servers import LabServers


@dataclass(slots=True)
class Client:
    """One of several clients that create links at the same time."""

    number: int
    connection: Connection  # in autocommit mode
    redis: "redis.Redis"
    barrier: threading.Barrier
    round: int = 0
    has_waited: bool = False
    codes: list[str | int] = field(default_factory=list)  # of its links
    retries: int = 0
    failed: int = 0  # calls

    def begin_round(self, number: int) -> None:
        """Wait for all clients, so that they start together on both sides."""
        self.round, self.has_waited = number, False
        self.barrier.wait()

    def wait_for_others(self) -> None:
        """Wait until every client has come this far in the round; retries do not wait again."""
        if not self.has_waited:
            self.has_waited = True
            self.barrier.wait()


# Creates links and returns the codes or ids that their users get; none if hop would refuse. A
# serialization failure that it raises is a request that failed.
Side = Callable[[Client], Iterable[str | int]]


@dataclass(frozen=True, slots=True)
class Race:
    """A fault and its remedy. Both sides start with `schema`; the fixed one adds its own part."""

    name: str
    goes_wrong: str  # one sentence
    remedy: str  # a few words
    schema: LiteralString
    faulty: Side
    fixed: Side
    fixed_schema: LiteralString = ""
    seen_in: str = ""  # the software with this fault
    links_per_call: int = 1
    halfway: Callable[[LabServers], None] | None = None  # happens after half of the rounds


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one side. A damaged link is unreachable for its user, or was not created."""

    attempts: int  # links
    damaged: int
    retries: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The result of both sides."""

    name: str
    goes_wrong: str
    remedy: str
    seen_in: str
    without: Outcome
    with_remedy: Outcome
