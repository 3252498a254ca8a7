"""Runs a drill: traffic, damage, more traffic, then what clients saw beside what was counted."""

import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
import redis
import urllib3

from db.connect.embedded import EmbeddedServerError
from lab.drills.drill import Drill, Stage, Tell
from lab.drills.hop.click_counts import is_drained, read_counted, read_dropped, read_sums
from lab.drills.hop.running_hop import HopError, RunningHop, wait_until
from lab.drills.reconciliation import Counts, Promise, Reconciliation, Seen, reconcile
from lab.drills.traffic.redirects import Shortening, Traffic, make_link, one_connection

CODES: Final = 20
LINKS_PER_S: Final = 4.0
DRAINED_WITHIN_S: Final = 120.0
# The sender looks every second for chunks to send again: what came twice is counted by then.
SETTLE_S: Final = 1.5
# What a drill may meet when hop, or a server, does not do what it should.
FAILURES: Final = (
    *(HopError, EmbeddedServerError, ProcessLookupError),
    *(psycopg.Error, redis.RedisError, urllib3.exceptions.HTTPError),
)


@dataclass(frozen=True, slots=True)
class Dials:
    """How a drill is run."""

    rate: float = 300.0  # redirects per second
    clients: int = 8
    calm_s: float = 2.0  # of traffic before the damage, and after it
    duration_s: float | None = None  # of what lasts; None is each drill's own
    seed: int = 0  # of what is random


def run_drill(hop: RunningHop, drill: Drill, dials: Dials, tell: Tell) -> Reconciliation:
    """Run one drill on a hop that is whole.

    Args:
        hop: was started with the drill's settings.
        drill: what to do.
        dials: how.
        tell: is told what happens, as it happens.

    Raises:
        HopError, urllib3.exceptions.HTTPError: hop was not whole to begin with.
    """
    started, dropped_before = time.monotonic(), read_dropped(hop)
    links = _make_links(hop, drill)
    traffic = Traffic(
        hop.url,
        list(links),
        clients=dials.clients,
        rate=dials.rate,
        headers=dict(drill.headers),
    )
    shortening = Shortening(hop.url, drill.name, rate=LINKS_PER_S, made=links)
    stage = Stage(
        hop=hop,
        duration_s=drill.duration_s if dials.duration_s is None else dials.duration_s,
        chance=random.Random(f"{dials.seed} {drill.name}"),
        tell=tell,
    )
    faults: list[str] = []
    with _noted(faults):
        _damage_under_traffic(stage, drill, dials, traffic, shortening)
    tell(f"{traffic.answered.total():,} redirects were answered; waiting for their clicks")
    with _noted(faults):
        _wait_for_clicks(hop, traffic, dropped_before)
    counts = Counts(read_counted(hop, traffic.codes), read_dropped(hop) - dropped_before)
    with _noted(faults):
        faults += _find_wrong_sums(hop, traffic.codes)
    return reconcile(
        drill.name,
        _seen(traffic, shortening),
        counts,
        Promise(drill.redirects_go_on, stage.web_processes_ended * dials.clients),
        faults=faults,
        duration_s=round(time.monotonic() - started, 1),
    )


def _make_links(hop: RunningHop, drill: Drill) -> dict[str, str]:
    """Make the links that are followed. After an outage there may be no codes for a moment."""
    links: dict[str, str] = {}

    def are_made() -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            target = f"https://example.org/{drill.name}/followed/{len(links)}"
            links[make_link(http, hop.url, target)] = target
        return len(links) == CODES

    with one_connection() as http:
        wait_until(are_made, "links to be made")
    return links


def _damage_under_traffic(
    stage: Stage, drill: Drill, dials: Dials, traffic: Traffic, shortening: Shortening
) -> None:
    stage.tell(f"{dials.clients} clients follow {CODES} links, {dials.rate:g} times a second")
    with traffic, shortening:
        time.sleep(dials.calm_s)
        drill.damage(stage)
        stage.hop.wait_until_whole()
        time.sleep(dials.calm_s)


def _wait_for_clicks(hop: RunningHop, traffic: Traffic, dropped_before: int) -> None:
    """Wait until nothing is on its way any more.

    Raises:
        HopError: not in time; what is missing then is lost.
    """

    def is_counted() -> bool:
        missing = traffic.answered.total() - sum(read_counted(hop, traffic.codes).values())
        return is_drained(hop) and missing <= read_dropped(hop) - dropped_before

    wait_until(is_counted, "the last clicks to be counted", DRAINED_WITHIN_S)
    time.sleep(SETTLE_S)
    wait_until(lambda: is_drained(hop), "the stream to be empty again", DRAINED_WITHIN_S)


def _seen(traffic: Traffic, shortening: Shortening) -> Seen:
    return Seen(
        answered=traffic.answered,
        cut_off=traffic.cut_off,
        errors=traffic.errors,
        refused=traffic.refused,
        longest_outage_s=round(traffic.longest_outage_s, 3),
        links_made=shortening.made,
        links_broken=len(shortening.find_broken()),
        codes_given_twice=len(shortening.given_twice),
    )


def _find_wrong_sums(hop: RunningHop, codes: Sequence[str]) -> list[str]:
    """Codes whose days, or values of a dimension, do not add up to their total."""
    sums = {code: read_sums(hop, code) for code in codes}
    return [
        f"the clicks of {code} do not add up: {found}"
        for code, found in sums.items()
        if len(set(found.values())) > 1
    ]


@contextlib.contextmanager
def _noted(faults: list[str]) -> Iterator[None]:
    """What goes wrong in the block is a fault of hop, and no reason not to count what is there."""
    try:
        yield
    except FAILURES as error:
        faults.append(str(error) or type(error).__name__)
