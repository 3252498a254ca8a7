"""Runs a drill: traffic, the fault, more traffic, then the reconciliation."""

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
from lab.drills.drill import Drill, FaultContext, Log
from lab.drills.hop.click_counts import is_drained, read_counted, read_dropped, read_sums
from lab.drills.hop.running_hop import RunningHop
from lab.drills.hop.waiting import HopError, wait_until
from lab.drills.reconciliation import Promise, Reconciliation, reconcile
from lab.drills.traffic.client import open_client, shorten
from lab.drills.traffic.redirects import RedirectClients
from lab.drills.traffic.shortens import ShortenClient

LINKS: Final = 20
SHORTENS_PER_S: Final = 4.0
DRAINED_WITHIN_S: Final = 120.0
# Every second the web processes look for chunks to send again: by then, a copy has been counted
# if it is counted at all.
SETTLE_S: Final = 1.5
# What fails when hop or a server does not do what it should.
_FAILURES: Final = (
    *(HopError, EmbeddedServerError, ProcessLookupError),
    *(psycopg.Error, redis.RedisError, urllib3.exceptions.HTTPError),
)


@dataclass(frozen=True, slots=True)
class DrillSettings:
    """How drills are run."""

    rate: float = 300.0  # redirects per second
    clients: int = 8
    calm_s: float = 2.0  # of traffic before the fault, and after it
    duration_s: float | None = None  # of faults that last; None: each drill's own
    seed: int = 0


def run_drill(hop: RunningHop, drill: Drill, settings: DrillSettings, log: Log) -> Reconciliation:
    """Run one drill.

    Args:
        hop: a healthy one, started with the drill's settings.
        drill: which to run.
        settings: how.
        log: called with a line about each step.

    Raises:
        HopError, urllib3.exceptions.HTTPError: hop is not healthy at the start.
    """
    started, dropped_before = time.monotonic(), read_dropped(hop)
    links = _create_links(hop, drill)
    redirects = RedirectClients(
        hop.url,
        list(links),
        clients=settings.clients,
        rate=settings.rate,
        headers=dict(drill.headers),
    )
    shortens = ShortenClient(hop.url, drill.name, rate=SHORTENS_PER_S, links=links)
    context = FaultContext(
        hop=hop,
        duration_s=drill.duration_s if settings.duration_s is None else settings.duration_s,
        rng=random.Random(f"{settings.seed} {drill.name}"),
        log=log,
    )
    faults: list[str] = []
    log(f"{settings.clients} clients follow {LINKS} links, {settings.rate:g} times a second")
    with _recorded(faults), redirects, shortens:
        time.sleep(settings.calm_s)
        drill.fault(context)
        hop.wait_until_healthy()
        time.sleep(settings.calm_s)
    log(f"{redirects.record.answered.total():,} redirects; waiting until their clicks are counted")
    with _recorded(faults):
        _wait_for_clicks(hop, redirects, dropped_before)
    clicks, dropped = read_counted(hop, redirects.codes), read_dropped(hop) - dropped_before
    with _recorded(faults):
        faults += _find_wrong_sums(hop, redirects.codes)
    shortens.find_broken()
    return reconcile(
        drill.name,
        redirects.record,
        shortens.record,
        clicks=clicks,
        dropped=dropped,
        promise=Promise(drill.redirects_succeed, context.web_processes_ended * settings.clients),
        faults=faults,
        duration_s=round(time.monotonic() - started, 1),
    )


def _create_links(hop: RunningHop, drill: Drill) -> dict[str, str]:
    """Create the links to follow; returns targets by code.

    Retried, because after the outage of an earlier drill hop may refuse for a moment.
    """
    links: dict[str, str] = {}

    def create_one() -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            target_url = f"https://example.org/{drill.name}/followed/{len(links)}"
            links[shorten(client, hop.url, target_url)] = target_url
        return len(links) == LINKS

    with open_client() as client:
        wait_until(create_one, "links to follow")
    return links


def _wait_for_clicks(hop: RunningHop, redirects: RedirectClients, dropped_before: int) -> None:
    """Wait until every click is counted or reported as dropped.

    Raises:
        HopError: not in time; the missing clicks are lost.
    """

    def is_counted() -> bool:
        missing = redirects.record.answered.total() - sum(
            read_counted(hop, redirects.codes).values()
        )
        return is_drained(hop) and missing <= read_dropped(hop) - dropped_before

    wait_until(is_counted, "the last clicks to be counted", DRAINED_WITHIN_S)
    time.sleep(SETTLE_S)
    wait_until(lambda: is_drained(hop), "the stream to be empty again", DRAINED_WITHIN_S)


def _find_wrong_sums(hop: RunningHop, codes: Sequence[str]) -> list[str]:
    """Codes whose clicks by day, or by a dimension, do not add up to their total."""
    sums_by_code = {code: read_sums(hop, code) for code in codes}
    return [
        f"the clicks of {code} do not add up: {sums}"
        for code, sums in sums_by_code.items()
        if len(set(sums.values())) > 1
    ]


@contextlib.contextmanager
def _recorded(faults: list[str]) -> Iterator[None]:
    """Record a failure of hop as a fault, so that the clicks are still reconciled."""
    try:
        yield
    except _FAILURES as error:
        faults.append(str(error) or type(error).__name__)
