"""Exactly once: the real outbox and the real receiver's rule, with a wire that does its worst.

A model of app.clicks.shipper and analytics_worker.consumer without Redis and Postgres. The wire
loses, repeats and reorders chunks; the sender dies and is adopted; the receiver dies after its
commit; the database goes back to an older state. At the end, once everyone behaves, each byte must
have been counted once.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from analytics_worker.consumer import uncounted
from analytics_worker.events import Chunk
from app.clicks import outbox as outbox_module
from app.clicks.journal import adopt_orphans, create
from app.clicks.outbox import Outbox

pytestmark = pytest.mark.unit

CHUNK_BYTES = 40
# Lost, looked for, sent again, counted, confirmed: no history may take more rounds than this.
ROUNDS_TO_THE_END = 3

positions = st.integers(0, 1_000)


class ClickProtocol(RuleBasedStateMachine):
    """One journal on its way. Lines are numbered, so that a lost or repeated one shows."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(outbox_module, "CHUNK_BYTES", CHUNK_BYTES)
        # A gap is worth a line in the worker's log, but thousands are made here.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        self._directory = Path(tempfile.mkdtemp(prefix="hop-protocol-"))
        self._written = b""
        self._outbox = Outbox(create(self._directory))
        self._wire: list[tuple[bytes, Chunk]] = []
        self._entries = 0
        # Postgres: what one transaction changes.
        self._counted = b""
        self._receipt = 0
        self._commits = [(b"", 0)]

    # The web process

    @rule(length=st.integers(0, CHUNK_BYTES - 8))
    def append_a_line(self, length):
        line = b"%05d:%s\n" % (self._written.count(b"\n"), b"x" * length)
        os.write(self._outbox.file.fd, line)
        self._written += line

    @rule(heard=st.booleans())
    def send_a_chunk(self, heard):
        """Redis may add the chunk and die before its answer: it is then sent once more."""
        chunk = self._outbox.next_chunk()
        if chunk is not None:
            entry_id = self._add(chunk)
            if heard:
                self._outbox.note_sent(entry_id, chunk)

    @rule(counted_meanwhile=st.integers(0, 3))
    def confirm(self, counted_meanwhile):
        """As Shipper.confirm: first the look into the stream, then the receipt."""
        oldest = self._outbox.in_flight[0][0] if self._outbox.in_flight else None
        missing = oldest is not None and oldest not in dict(self._wire)
        self._receive(counted_meanwhile)
        self._outbox.note_receipt(self._receipt, oldest_missing=missing)
        if self._outbox.is_done():  # the file may be removed now
            assert self._counted == self._written

    @rule(torn=st.binary(max_size=10))
    def die_and_be_adopted(self, torn):
        """The new owner knows the receipt only; the old owner's chunks are still on the wire."""
        os.write(self._outbox.file.fd, torn.replace(b"\n", b""))
        self._outbox.file.close()
        (file,) = adopt_orphans(self._directory)
        self._outbox = Outbox(file, receipted=self._receipt, sent=self._receipt)

    # The wire

    @precondition(lambda self: self._wire)
    @rule(position=positions)
    def lose_a_chunk(self, position):
        del self._wire[position % len(self._wire)]

    @rule()
    def lose_everything(self):
        self._wire.clear()

    @precondition(lambda self: self._wire)
    @rule(position=positions)
    def repeat_a_chunk(self, position):
        self._add(self._wire[position % len(self._wire)][1])

    @precondition(lambda self: len(self._wire) > 1)
    @rule(one=positions, other=positions)
    def swap_two_chunks(self, one, other):
        one, other = one % len(self._wire), other % len(self._wire)
        self._wire[one], self._wire[other] = self._wire[other], self._wire[one]

    # The worker

    @rule(chunks=st.integers(1, 5))
    def count(self, chunks):
        self._receive(chunks)

    @rule(chunks=st.integers(1, 5))
    def die_after_the_commit(self, chunks):
        """What is counted stays on the wire and is read again."""
        held = list(self._wire)
        self._receive(chunks)
        self._wire = held

    @rule(position=positions)
    def restore_an_older_state(self, position):
        """From a backup, or a replica takes over without the last commits."""
        self._counted, self._receipt = self._commits[position % len(self._commits)]

    def _receive(self, chunks: int) -> None:
        """As Consumer.consume: count what follows on the receipt, commit, delete."""
        for _, chunk in self._wire[:chunks]:
            lines = uncounted(chunk, self._receipt)
            self._counted += lines
            self._receipt += len(lines)
        self._commits.append((self._counted, self._receipt))
        del self._wire[:chunks]

    def _add(self, chunk: Chunk) -> bytes:
        self._entries += 1
        entry_id = b"%d-0" % self._entries
        self._wire.append((entry_id, chunk))
        return entry_id

    # What must hold

    @invariant()
    def nothing_is_counted_twice_or_left_out(self):
        assert self._counted == self._written[: self._receipt]
        assert not self._counted or self._counted.endswith(b"\n")

    @invariant()
    def outbox_is_in_order(self):
        ends = [end for _, end in self._outbox.in_flight]
        assert self._outbox.receipted <= self._outbox.sent
        assert ends == sorted(ends)
        assert all(self._outbox.receipted < end <= self._outbox.sent for end in ends)

    def teardown(self):
        try:
            self._behave_until_all_is_counted()
            assert self._counted == self._written
        finally:
            self._outbox.file.close()
            shutil.rmtree(self._directory)
            structlog.reset_defaults()
            self._patch.undo()

    def _behave_until_all_is_counted(self) -> None:
        for _ in range(ROUNDS_TO_THE_END):
            while self._outbox.next_chunk():
                self.send_a_chunk(heard=True)
            self._receive(len(self._wire))
            self.confirm(counted_meanwhile=0)
            if self._outbox.is_done():
                return
        raise AssertionError(f"not all is counted after {ROUNDS_TO_THE_END} rounds")


@pytest.mark.parametrize(
    ("offset", "fresh"),
    [
        pytest.param(10, b"one.\ntwo.\n", id="begins at the receipt"),
        pytest.param(5, b"two.\n", id="overlaps it"),
        pytest.param(0, b"", id="ends at it"),
        pytest.param(-5, b"", id="lies before it"),
        pytest.param(11, b"", id="leaves a gap"),
    ],
)
def test_rest_of_a_chunk_is_counted_when_it_follows_on_the_receipt(offset, fresh):
    assert uncounted(Chunk("producer", offset + 100, b"one.\ntwo.\n"), receipt=110) == fresh


def test_each_byte_is_counted_once_when_the_wire_does_its_worst():
    run_state_machine_as_test(
        ClickProtocol, settings=settings(max_examples=200, stateful_step_count=40)
    )
