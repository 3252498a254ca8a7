"""Exactly once: the real outbox and the real receiver's rule, with a wire that does its worst.

A model of app.clicks.shipper and analytics_worker.consumer without Redis and Postgres. The wire
loses, repeats and reorders chunks; the sender dies and is adopted; the receiver dies after its
commit; the database goes back to an older state. At the end, once everyone behaves, each byte must
have been counted once.
"""

import os
import tempfile
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_worker.counting import uncounted
from app.clicks import outbox as outbox_module
from app.clicks.journal_file import adopt_orphans, create
from app.clicks.outbox import Outbox
from db.clicks.wire import Chunk

CHUNK_BYTES = 40
# Lost, looked for, sent again, counted, confirmed: no history may take more rounds than this.
ROUNDS_TO_THE_END = 3


class Model:
    """One journal on its way. Lines are numbered, so that a lost or repeated one shows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written = b""
        self.outbox = Outbox(create(directory))
        self.wire: list[tuple[bytes, Chunk]] = []
        self.entries = 0
        # Postgres: what one transaction changes, and what it once was.
        self.counted, self.receipt = b"", 0
        self.commits = [(b"", 0)]

    def rest(self, _: int) -> None:
        """What Hypothesis puts in place of a step that a failure does not need."""

    # The web process

    def append(self, number: int) -> None:
        line = b"%05d:%s\n" % (self.written.count(b"\n"), b"x" * (number % (CHUNK_BYTES - 6)))
        os.write(self.outbox.file.fd, line)
        self.written += line

    def send(self, _: int) -> None:
        chunk = self.outbox.next_chunk()
        if chunk is not None:
            self.outbox.note_sent(self._add(chunk), chunk)

    def send_unheard(self, _: int) -> None:
        """Redis adds the chunk, and its answer is lost: the sender will add it once more."""
        chunk = self.outbox.next_chunk()
        if chunk is not None:
            self._add(chunk)

    def confirm(self, counted_meanwhile: int) -> None:
        """As Shipper.confirm: first the look into the stream, then the receipt."""
        oldest = self.outbox.in_flight[0][0] if self.outbox.in_flight else None
        missing = oldest is not None and oldest not in dict(self.wire)
        self.count(counted_meanwhile)
        self.outbox.note_receipt(self.receipt, oldest_missing=missing)
        if self.outbox.is_done():  # the file may be removed now
            assert self.counted == self.written

    def die(self, torn: int) -> None:
        """The new owner knows the receipt only; the old owner's chunks are still on the wire."""
        os.write(self.outbox.file.fd, b"x" * torn)
        self.outbox.file.close()
        (file,) = adopt_orphans(self.directory)
        self.outbox = Outbox(file, receipted=self.receipt, sent=self.receipt)

    # The wire

    def lose(self, position: int) -> None:
        del self.wire[position : position + 1]

    def lose_all(self, _: int) -> None:
        self.wire.clear()

    def repeat(self, position: int) -> None:
        for _, chunk in self.wire[position : position + 1]:
            self._add(chunk)

    def swap(self, position: int) -> None:
        self.wire[position : position + 2] = reversed(self.wire[position : position + 2])

    def _add(self, chunk: Chunk) -> bytes:
        self.entries += 1
        entry_id = b"%d-0" % self.entries
        self.wire.append((entry_id, chunk))
        return entry_id

    # The worker

    def count(self, chunks: int) -> None:
        """As Consumer.consume: count what follows on the receipt, commit, delete."""
        for _, chunk in self.wire[:chunks]:
            lines = uncounted(chunk, self.receipt).lines
            self.counted += lines
            self.receipt += len(lines)
        self.commits.append((self.counted, self.receipt))
        del self.wire[:chunks]

    def count_and_die(self, chunks: int) -> None:
        """What was counted stays on the wire and is read again."""
        held = list(self.wire)
        self.count(chunks)
        self.wire = held

    def restore(self, commits_lost: int) -> None:
        """From a backup, or a replica takes over without the last commits."""
        del self.commits[max(1, len(self.commits) - commits_lost) :]
        self.counted, self.receipt = self.commits[-1]

    # What must hold

    def check(self) -> None:
        """Hold after every step."""
        assert self.counted == self.written[: self.receipt]
        ends = [end for _, end in self.outbox.in_flight]
        assert ends == sorted(ends)
        assert all(self.outbox.receipted < end <= self.outbox.sent for end in ends)

    def behave_until_all_is_counted(self) -> None:
        for _ in range(ROUNDS_TO_THE_END):
            while self.outbox.next_chunk():
                self.send(0)
            self.count(len(self.wire))
            self.confirm(0)
            if self.outbox.is_done():
                return
        raise AssertionError(f"not all is counted after {ROUNDS_TO_THE_END} rounds")


STEPS = (
    *("rest", "append", "append", "send", "send", "count", "confirm", "confirm"),
    *("send_unheard", "die", "lose", "lose_all", "repeat", "swap", "count_and_die", "restore"),
)
histories = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 6)), min_size=40, max_size=40)


@pytest.fixture
def _small_chunks_and_quiet_worker(monkeypatch):
    monkeypatch.setattr(outbox_module, "CHUNK_BYTES", CHUNK_BYTES)
    # A gap is worth a line in the worker's log, but thousands are made here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_small_chunks_and_quiet_worker")
@settings(max_examples=300)
@given(histories)
def test_each_byte_is_counted_once_when_the_wire_does_its_worst(history):
    with tempfile.TemporaryDirectory(prefix="hop-protocol-") as directory:
        model = Model(Path(directory))
        for step, number in history:
            getattr(model, step)(number)
            model.check()
        model.behave_until_all_is_counted()
        model.outbox.file.close()


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
    assert uncounted(Chunk("producer", offset + 100, b"one.\ntwo.\n"), receipt=110).lines == fresh
