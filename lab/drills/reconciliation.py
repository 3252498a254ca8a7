"""Compares what clients saw with what hop counted, and checks the promises of a drill."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.drills.traffic.redirects import RedirectRecord
from lab.drills.traffic.shortens import ShortenRecord


@dataclass(frozen=True, slots=True)
class Promise:
    """What a drill promises beyond the clicks."""

    redirects_succeed: bool  # no redirect of an existing link fails
    most_cut_off: int  # connections that were open to killed processes


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of a drill."""

    drill: str
    answered: int
    counted: int
    lost: int
    dropped: int
    doubled: int
    cut_off: int
    refused: int
    errors: dict[int, int]  # by status
    longest_outage_s: float
    links_made: int
    links_broken: int
    codes_given_twice: int
    duration_s: float
    faults: tuple[str, ...] = ()  # broken promises, in words

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not self.faults


def reconcile(
    drill: str,
    redirects: RedirectRecord,
    shortens: ShortenRecord,
    *,
    clicks: Mapping[str, int],
    dropped: int,
    promise: Promise,
    faults: Sequence[str] = (),
    duration_s: float = 0.0,
) -> Reconciliation:
    """Compare the clients' redirects with the clicks that hop counted, code by code.

    Args:
        drill: its name.
        redirects: the clients' record.
        shortens: the same of new links.
        clicks: counted by hop, by code.
        dropped: clicks that hop reports as dropped.
        promise: what else must hold.
        faults: found before; they come first in the result.
        duration_s: of the drill.
    """
    answered, cut_off, counted = redirects.answered, redirects.cut_off, Counter(clicks)
    result = Reconciliation(
        drill=drill,
        answered=answered.total(),
        counted=counted.total(),
        lost=(answered - counted).total(),
        dropped=dropped,
        # A cut-off response may be counted or not.
        doubled=(counted - (answered + cut_off)).total(),
        cut_off=cut_off.total(),
        refused=redirects.refused,
        errors=dict(redirects.errors),
        longest_outage_s=round(redirects.longest_outage_s, 3),
        links_made=shortens.created,
        links_broken=len(shortens.broken),
        codes_given_twice=len(shortens.given_twice),
        duration_s=duration_s,
    )
    return dataclasses.replace(result, faults=(*faults, *_find_faults(result, promise)))


def _find_faults(result: Reconciliation, promise: Promise) -> list[str]:
    failed = sum(result.errors.values()) + result.refused
    rules = (
        (result.answered == 0, "no redirect was answered"),
        (
            result.lost != result.dropped,
            f"{result.lost} clicks were lost, {result.dropped} were reported as dropped",
        ),
        (result.doubled > 0, f"{result.doubled} clicks were counted twice"),
        (
            result.cut_off > promise.most_cut_off,
            f"{result.cut_off} responses were cut off; at most {promise.most_cut_off} may be",
        ),
        (promise.redirects_succeed and failed > 0, f"{failed} redirects of existing links failed"),
        (result.links_made == 0, "no link was made"),
        (result.links_broken > 0, f"{result.links_broken} confirmed links lead elsewhere"),
        (result.codes_given_twice > 0, f"{result.codes_given_twice} codes were given twice"),
    )
    return [fault for is_broken, fault in rules if is_broken]
