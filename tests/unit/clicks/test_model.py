"""Exactly once, exhaustively: every state that the click protocol can reach in a small world.

The wire loses, repeats and reorders chunks, answers get lost, sender and workers die between any
two steps. In each state the invariants hold, and a way without further faults leads to the end.
Two lines and two chunks are enough for each kind of accident: a gap, an overlap, a duplicate, a
change of order. `HOP_TEST_MODEL=large` visits larger worlds, which takes some minutes.
"""

import os

import pytest
import structlog

from tests.click_model import Protocol, Sender, explore, lines_to_count, note_receipt

WORLDS = {
    "one worker": (Protocol(lines=2, longest_stream=2), 50_473),
    "two workers, two lines": (Protocol(lines=2, longest_stream=1, workers=2), 13_299),
    "two workers, two chunks": (Protocol(lines=1, longest_stream=2, workers=2), 13_720),
}
LARGE_WORLDS = {
    "three lines": (Protocol(lines=3, longest_stream=2), 864_417),
    "three chunks": (Protocol(lines=2, longest_stream=3), 1_502_005),
}
if os.environ.get("HOP_TEST_MODEL") == "large":
    WORLDS |= LARGE_WORLDS


@pytest.fixture(autouse=True)
def _quiet_worker():
    # A gap is worth a line in the worker's log, but thousands are met here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("protocol", "states"), WORLDS.values(), ids=WORLDS)
def test_each_byte_is_counted_once_in_every_reachable_state(protocol: Protocol, states: int):
    found = explore(protocol)
    assert found.fault is None, found.history
    assert found.stuck == 0
    assert found.states == states  # another number: the rules have changed, or the model has


BROKEN = {
    "counts before receipt": (
        Protocol(lines=1, commits=("counts", "receipt")),
        "a byte was applied twice",
    ),
    "receipt before counts": (
        Protocol(lines=1, commits=("receipt", "counts")),
        "the receipt is ahead of what is committed",
    ),
    "counts behind a gap": (
        Protocol(
            lines=2,
            lines_to_count=lambda chunk, receipt: (
                chunk.lines if chunk.offset > receipt else lines_to_count(chunk, receipt)
            ),
        ),
        "the receipt is ahead of what is committed",
    ),
    "trusts the stream to deliver once": (
        Protocol(lines=1, lines_to_count=lambda chunk, receipt: chunk.lines),
        "a byte was applied twice",
    ),
    "drops duplicates, forgets overlaps": (
        Protocol(
            lines=2,
            lines_to_count=lambda chunk, receipt: (
                chunk.lines if chunk.offset <= receipt < chunk.end else b""
            ),
        ),
        "a byte was applied twice",
    ),
    "does not lock the receipt": (
        Protocol(lines=1, longest_stream=1, workers=2, locks_receipt=False),
        "a byte was applied twice",
    ),
    "removes what is sent": (
        Protocol(lines=1, is_done=lambda sender, written: sender.sent >= written),
        "the journal was removed before it was receipted",
    ),
}


@pytest.mark.parametrize(("protocol", "fault"), BROKEN.values(), ids=BROKEN)
def test_checker_objects_when_the_protocol_is_broken(protocol: Protocol, fault: str):
    assert explore(protocol).fault == fault


def test_checker_objects_when_lost_chunks_are_not_sent_again():
    def forget_what_is_missing(sender: Sender, receipt: int) -> Sender:
        return note_receipt(sender._replace(missing=False), receipt)

    found = explore(Protocol(lines=1, longest_stream=1, note_receipt=forget_what_is_missing))
    assert found.fault is None
    assert found.stuck > 0


def test_history_is_the_shortest_way_to_the_fault():
    protocol, _ = BROKEN["counts before receipt"]
    commit = ("lock the receipt", "commit")
    assert explore(protocol).history == (
        *("append", "send", "read", *commit),
        *("worker dies", "read", *commit),
    )
