"""The click protocol as a state machine, small enough to visit every state that it can reach.

One journal of a few lines, each a single letter; its sender; the stream; workers; Postgres. What
to send again and what to count is decided by the real code (`Outbox`, `uncounted`), so the model
cannot drift from it. `Protocol` takes broken rules, too: a checker that never objects checks
nothing.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

from analytics_worker.counting import uncounted
from app.clicks.journal_file import JournalFile
from app.clicks.outbox import Outbox
from db.clicks.wire import Chunk

LINES = b"abcdefgh"
GONE = -1  # the id of an entry that is not in the stream any more
NOT_LOCKED = -1  # a worker that has not locked the receipt yet
FRESH = 99  # that of an entry that is added just now


class Entry(NamedTuple):
    """A chunk in the stream: bytes [start, end) of the journal."""

    id: int
    start: int
    end: int


class InFlight(NamedTuple):
    """A chunk that the sender has sent and that is not receipted."""

    id: int
    end: int


class Sender(NamedTuple):
    """The process that ships the journal; `missing` is what it saw in the stream, to confirm."""

    receipted: int = 0
    sent: int = 0
    in_flight: tuple[InFlight, ...] = ()
    missing: bool | None = None


class Worker(NamedTuple):
    """One that has read `batch`; `steps` of its commit are done."""

    batch: tuple[Entry, ...]
    fresh: bytes = b""
    receipt: int = 0
    steps: int = NOT_LOCKED


class State(NamedTuple):
    """Everything at one moment. No sender: it died, or the journal is removed."""

    written: int = 0  # lines in the journal
    removed: bool = False
    sender: Sender | None = Sender()
    stream: tuple[Entry, ...] = ()
    workers: tuple[Worker | None, ...] = (None,)
    counted: bytes = b""  # in Postgres, as is the receipt
    receipt: int = 0


class Step(NamedTuple):
    """What may happen next. A fault may happen, and nobody may need it."""

    name: str
    after: State
    is_fault: bool = False


@dataclass(frozen=True)
class FileOfLines:
    """As much of a journal file as an `Outbox` asks for; each line is one byte."""

    written: int

    def size(self) -> int:
        return self.written

    def count_lines(self, start: int, end: int) -> int:
        return end - start


def lines_to_count(chunk: Chunk, receipt: int) -> bytes:
    """The real `uncounted`."""
    return uncounted(chunk, receipt).lines


def note_receipt(sender: Sender, receipt: int) -> Sender:
    """The real `Outbox.note_receipt`."""
    outbox = outbox_of(sender, 0)
    outbox.note_receipt(receipt, oldest_missing=bool(sender.missing))
    left = tuple(InFlight(*each) for each in outbox.in_flight)
    return Sender(outbox.receipted, outbox.sent, left)


def is_done(sender: Sender, written: int) -> bool:
    """The real `Outbox.is_done`."""
    return outbox_of(sender, written).is_done()


def outbox_of(sender: Sender, written: int) -> Outbox:
    file = cast("JournalFile", FileOfLines(written))
    in_flight = cast("deque[tuple[bytes, int]]", deque(sender.in_flight))
    return Outbox(file, sender.receipted, sender.sent, in_flight)


@dataclass(frozen=True)
class Protocol:
    """The rules, and how large the world is."""

    lines: int = 3
    longest_stream: int = 3
    workers: int = 1
    lines_to_count: Callable[[Chunk, int], bytes] = lines_to_count
    note_receipt: Callable[[Sender, int], Sender] = note_receipt
    is_done: Callable[[Sender, int], bool] = is_done
    commits: tuple[str, ...] = ("counts and receipt",)  # one transaction each
    locks_receipt: bool = True

    def first(self) -> State:
        """Nothing was written yet."""
        return State(workers=(None,) * self.workers)

    def is_over(self, state: State) -> bool:
        """Whether everything that will ever be written is counted, and the journal is gone."""
        return state.removed and state.counted == LINES[: self.lines]

    def fault_in(self, state: State) -> str | None:
        """The invariant that does not hold, or None."""
        if any(state.counted.count(line) > 1 for line in set(state.counted)):
            return "a byte was applied twice"
        if set(LINES[: state.receipt]) - set(state.counted):
            return "the receipt is ahead of what is committed"
        if state.removed and state.receipt < self.lines:
            return "the journal was removed before it was receipted"
        return None

    def steps(self, state: State) -> Iterator[Step]:
        """Everything that may happen next."""
        yield from self._write_and_send(state)
        yield from self._confirm(state)
        yield from self._disturb_stream(state)
        for number, worker in enumerate(state.workers):
            for step in self._count(state, worker):
                after, now = step.after, step.worker
                workers = (*after.workers[:number], now, *after.workers[number + 1 :])
                yield Step(step.name, after._replace(workers=workers), step.is_fault)

    def _write_and_send(self, state: State) -> Iterator[Step]:
        sender, sent = state.sender, state.sender.sent if state.sender else 0
        if sender is None:
            if not state.removed:
                adopted = Sender(state.receipt, state.receipt)
                yield Step("adopt", state._replace(sender=adopted))
            return
        if state.written < self.lines:
            yield Step("append", state._replace(written=state.written + 1))
        if len(state.stream) < self.longest_stream:
            for end in range(sent + 1, state.written + 1):  # chunks of every size
                entry = Entry(FRESH, sent, end)
                added = state._replace(stream=(*state.stream, entry))
                in_flight = (*sender.in_flight, InFlight(FRESH, end))
                noted = sender._replace(sent=end, in_flight=in_flight)
                yield Step("send", added._replace(sender=noted))
                yield Step("send, and the answer is lost", added, is_fault=True)
        yield Step("sender dies", state._replace(sender=None), is_fault=True)

    def _confirm(self, state: State) -> Iterator[Step]:
        """As the shipper: first the look into the stream, then the receipt, then perhaps remove."""
        sender = state.sender
        if sender is None:
            return
        if sender.missing is None:
            missing = bool(sender.in_flight) and sender.in_flight[0].id == GONE
            yield Step(
                "look into the stream", state._replace(sender=sender._replace(missing=missing))
            )
        else:
            noted = self.note_receipt(sender, state.receipt)
            yield Step("read the receipt", state._replace(sender=noted))
        if state.written == self.lines and self.is_done(sender, state.written):
            yield Step("remove the journal", state._replace(sender=None, removed=True))

    def _disturb_stream(self, state: State) -> Iterator[Step]:
        stream = state.stream
        for place, entry in enumerate(stream):
            before, behind = stream[:place], stream[place + 1 :]
            yield Step("lose", state._replace(stream=before + behind), is_fault=True)
            if len(stream) < self.longest_stream:
                again = entry._replace(id=FRESH)
                yield Step("repeat", state._replace(stream=(*stream, again)), is_fault=True)
            if behind:
                swapped = (*before, behind[0], entry, *behind[1:])
                yield Step("swap", state._replace(stream=swapped), is_fault=True)

    def _count(self, state: State, worker: Worker | None) -> Iterator["_WorkerStep"]:
        if worker is None:
            for size in range(1, len(state.stream) + 1):
                yield _WorkerStep("read", state, Worker(state.stream[:size]))
            return
        yield _WorkerStep("worker dies", state, None, is_fault=True)
        if worker.steps == NOT_LOCKED:
            if not self.locks_receipt or not any(map(_holds_lock, state.workers)):
                yield _WorkerStep("lock the receipt", state, self._add_up(worker, state.receipt))
        elif worker.steps < len(self.commits):
            after = state
            if "counts" in self.commits[worker.steps]:
                after = after._replace(counted=state.counted + worker.fresh)
            if "receipt" in self.commits[worker.steps]:
                after = after._replace(receipt=worker.receipt)
            yield _WorkerStep("commit", after, worker._replace(steps=worker.steps + 1))
        else:
            read = {entry.id for entry in worker.batch}
            left = tuple(entry for entry in state.stream if entry.id not in read)
            yield _WorkerStep("delete", state._replace(stream=left), None)

    def _add_up(self, worker: Worker, receipt: int) -> Worker:
        """As `analytics_worker.counting`, with the receipt locked."""
        fresh = b""
        for entry in worker.batch:
            chunk = Chunk("p", entry.start, LINES[entry.start : entry.end])
            fresh += self.lines_to_count(chunk, receipt + len(fresh))
        return worker._replace(fresh=fresh, receipt=receipt + len(fresh), steps=0)


class _WorkerStep(NamedTuple):
    """A step of one worker, and what it is afterwards."""

    name: str
    after: State
    worker: Worker | None
    is_fault: bool = False


def _holds_lock(worker: Worker | None) -> bool:
    return worker is not None and worker.steps == 0


def canonical(state: State) -> State:
    """Number the entries by their place in the stream: only who refers to which matters."""
    places = {entry.id: place for place, entry in enumerate(state.stream)}
    if sender := state.sender:
        in_flight = tuple(InFlight(places.get(id_, GONE), end) for id_, end in sender.in_flight)
        sender = sender._replace(in_flight=in_flight)
    workers = [
        worker and worker._replace(batch=_numbered(worker.batch, places))
        for worker in state.workers
    ]
    workers.sort(key=lambda worker: worker or ())  # which of them it is does not matter
    return state._replace(
        sender=sender, stream=_numbered(state.stream, places), workers=tuple(workers)
    )


def _numbered(entries: tuple[Entry, ...], places: dict[int, int]) -> tuple[Entry, ...]:
    return tuple(Entry(places.get(id_, GONE), start, end) for id_, start, end in entries)


@dataclass(frozen=True)
class Explored:
    """What the visit of every reachable state has found."""

    states: int
    fault: str | None = None  # the first invariant that did not hold
    history: tuple[str, ...] = ()  # the shortest way there
    stuck: int = 0  # states from which no way without faults leads to the end


def explore(protocol: Protocol) -> Explored:
    """Visit every state that can be reached, nearest first; stop at the first broken invariant."""
    first = canonical(protocol.first())
    came_from: dict[State, tuple[State, str] | None] = {first: None}
    leads_to: dict[State, list[State]] = {}  # backwards, along steps that are no faults
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        if fault := protocol.fault_in(state):
            return Explored(len(came_from), fault, _history(came_from, state))
        for name, found, is_fault in protocol.steps(state):
            after = canonical(found)
            if after not in came_from:
                came_from[after] = (state, name)
                waiting.append(after)
            if not is_fault:
                leads_to.setdefault(after, []).append(state)
    ends = [state for state in came_from if protocol.is_over(state)]
    return Explored(len(came_from), stuck=len(came_from) - _count_reaching(ends, leads_to))


def _count_reaching(ends: list[State], leads_to: dict[State, list[State]]) -> int:
    """How many states have a way to one of the ends."""
    found, waiting = set(ends), list(ends)
    while waiting:
        for before in leads_to.get(waiting.pop(), ()):
            if before not in found:
                found.add(before)
                waiting.append(before)
    return len(found)


def _history(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    steps: list[str] = []
    while found := came_from[state]:
        state, name = found
        steps.insert(0, name)
    return tuple(steps)
