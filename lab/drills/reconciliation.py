"""What clients saw beside what hop counted, and whether a drill's promises were kept."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clients of one drill saw."""

    answered: Mapping[str, int]  # redirects by code
    cut_off: Mapping[str, int]  # answers that did not arrive whole, by code
    errors: Mapping[int, int]  # other answers, by status
    refused: int  # connections that nobody took
    longest_outage_s: float
    links_made: int  # acknowledged
    links_broken: int  # acknowledged, and do not lead to their own target now
    codes_given_twice: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What hop says."""

    counted: Mapping[str, int]  # clicks by code
    dropped: int = 0  # clicks that it could not keep


@dataclass(frozen=True, slots=True)
class Promise:
    """What must hold beside the clicks."""

    redirects_go_on: bool  # no request for a known link may fail
    most_cut_off: int  # connections that were open to processes which the drill has ended


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How a drill ended."""

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
    faults: tuple[str, ...] = ()  # what was promised and not kept, in words

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not self.faults


def reconcile(
    drill: str,
    seen: Seen,
    counts: Counts,
    promise: Promise,
    *,
    faults: Sequence[str] = (),
    duration_s: float = 0.0,
) -> Reconciliation:
    """Set what clients saw against what was counted, code by code.

    Args:
        drill: its name.
        seen: the left side.
        counts: the right side.
        promise: what else must hold.
        faults: that are known already.
        duration_s: of the drill, to be told.
    """
    answered, cut_off = Counter(seen.answered), Counter(seen.cut_off)
    counted = Counter(counts.counted)
    found = Reconciliation(
        drill=drill,
        answered=answered.total(),
        counted=counted.total(),
        lost=(answered - counted).total(),
        dropped=counts.dropped,
        # A cut-off answer may be counted or not.
        doubled=(counted - (answered + cut_off)).total(),
        cut_off=cut_off.total(),
        refused=seen.refused,
        errors=dict(seen.errors),
        longest_outage_s=seen.longest_outage_s,
        links_made=seen.links_made,
        links_broken=seen.links_broken,
        codes_given_twice=seen.codes_given_twice,
        duration_s=duration_s,
    )
    return dataclasses.replace(found, faults=(*faults, *_find_faults(found, promise)))


def _find_faults(found: Reconciliation, promise: Promise) -> list[str]:
    failed = sum(found.errors.values()) + found.refused
    rules = (
        (found.answered == 0, "no redirect was answered"),
        (
            found.lost != found.dropped,
            f"{found.lost} clicks are lost, {found.dropped} were reported as dropped",
        ),
        (found.doubled > 0, f"{found.doubled} clicks were counted twice"),
        (
            found.cut_off > promise.most_cut_off,
            f"{found.cut_off} answers were cut off, of at most {promise.most_cut_off}",
        ),
        (promise.redirects_go_on and failed > 0, f"{failed} requests for known links failed"),
        (found.links_made == 0, "no link was made"),
        (found.links_broken > 0, f"{found.links_broken} acknowledged links lead elsewhere"),
        (found.codes_given_twice > 0, f"{found.codes_given_twice} codes were given twice"),
    )
    return [words for is_broken, words in rules if is_broken]
