"""Lines of clicks become what they add to each roll-up table.

What is said of a click's look is worked out once for all clicks that look the same, and what it
adds to the dimensions of a day once for all clicks of a code in a batch that do.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any, Final

from analytics_worker.events import (
    Chunk,
    Click,
    PoisonedError,
    decode_click,
    decode_clicks,
)
from analytics_worker.pieces import Pieces
from analytics_worker.user_agents import UNKNOWN, read_user_agent
from db.dead_letters import DeadLetter
from db.tallies import Day, Look, Rollup, Tally, Total

DIRECT: Final = "direct"
LONGEST_VALUE: Final = 100
HOUR_MS: Final = 3_600_000
# A damaged journal may be nothing but poison; the first lines tell what there is to tell.
MOST_LETTERS: Final = 1_000
WIDTH: Final = 3  # what is kept of a click: time, look, visitor
CODES_PER_PIECE: Final = 1_000
MOST_LOOKS: Final = 50_000
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}")


class Batch:
    """Clicks of some chunks on their way into a roll-up."""

    def __init__(self) -> None:
        self.poisoned = 0  # lines
        self.letters: list[DeadLetter] = []  # the first of them
        # By code: time, look and visitor of a click, then of the next one. A tuple for each click
        # would take a third longer.
        self._codes: defaultdict[str, list[Any]] = defaultdict(list)

    def add(self, chunk: Chunk) -> None:
        """Take the lines of a chunk; those that cannot be read are left out and kept."""
        clicks = decode_clicks(chunk.lines)
        self._add(self._readable(chunk) if clicks is None else clicks)

    def roll_up(self) -> Pieces[Rollup]:
        """What all of it adds to each table."""
        rollup = Rollup()
        codes = self._codes
        for number, code in enumerate(sorted(codes)):
            _add_code(rollup, code, codes[code])
            if number % CODES_PER_PIECE == 0:
                yield
        return rollup

    def _add(self, clicks: Iterable[Click]) -> None:
        codes, looks = self._codes, _looks
        for click in clicks:
            look = looks[click.referrer, click.country, click.user_agent, click.language]
            codes[click.code] += (click.at_ms, look, click.visitor)

    def _readable(self, chunk: Chunk) -> Iterator[Click]:
        """The clicks of a chunk in which some lines are poisoned."""
        offset = chunk.offset
        for line in BytesIO(chunk.lines):  # by line feeds alone, unlike bytes.splitlines
            try:
                yield decode_click(line)
            except PoisonedError as error:
                self.poisoned += 1
                if len(self.letters) < MOST_LETTERS:
                    letter = DeadLetter("line", str(error), line, chunk.producer, offset)
                    self.letters.append(letter)
            offset += len(line)


def _add_code(rollup: Rollup, code: str, seen: list[Any]) -> None:
    """Count the clicks of one code, hour by hour; in nearly all batches there is one hour."""
    times = seen[::WIDTH]
    first_ms, last_ms = min(times), max(times)
    if first_ms // HOUR_MS == last_ms // HOUR_MS:
        _add_hour(rollup, code, last_ms, seen[1::WIDTH], seen[2::WIDTH])
        return
    hours: defaultdict[int, list[Any]] = defaultdict(list)
    for at_ms, look, visitor in zip(times, seen[1::WIDTH], seen[2::WIDTH], strict=True):
        hours[at_ms // HOUR_MS] += (at_ms, look, visitor)
    for number in sorted(hours):
        _add_code(rollup, code, hours[number])


def _add_hour(
    rollup: Rollup, code: str, last_ms: int, looks: list[Look], visitors: list[str]
) -> None:
    """Count the clicks of one code in one hour everywhere they count."""
    clicks, bots = len(looks), [look.is_bot for look in looks].count(True)
    if bots:
        both = zip(visitors, looks, strict=True)
        people = {visitor for visitor, look in both if not look.is_bot}
    else:
        people = set(visitors)
    people.discard("")
    number = last_ms // HOUR_MS
    rollup.hours[code, number] = Tally(clicks, bots)
    total = rollup.totals.get(code)
    if total is None:
        rollup.totals[code] = Total(clicks, bots, last_ms)
    else:
        total.add(clicks, bots, last_ms)
    day = rollup.days.get((code, number // 24))
    if day is None:
        rollup.days[code, number // 24] = Day(Tally(clicks, bots), looks, people)
    else:
        day.add(Tally(clicks, bots), looks, people)


class _Looks(dict[tuple[str, str, str, str], Look]):
    """Looks by referrer, country, user agent and language, each read once.

    Not an `lru_cache`: to keep their order costs as much as all else that is done with a click.
    """

    def __missing__(self, key: tuple[str, str, str, str]) -> Look:
        if len(self) >= MOST_LOOKS:
            self.clear()
        look = self[key] = _read_look(*key)
        return look


_looks = _Looks()


def _read_look(referrer: str, country: str, user_agent: str, language: str) -> Look:
    agent = read_user_agent(user_agent)
    found = _LANGUAGE.match(language)
    values = (
        _storable(referrer.partition("/")[0]) or DIRECT,
        _storable(country) or UNKNOWN,
        _storable(agent.browser),
        _storable(agent.os),
        agent.device,
        found[0].lower() if found else UNKNOWN,
    )
    return Look(values, agent.is_bot)


def _storable(value: str) -> str:
    """Bounded, and without what Postgres has no room for in text: NUL and lone surrogates."""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()[:LONGEST_VALUE]
