"""Lines of clicks become what they add to each roll-up table.

What a click says of its referrer, country, user agent and language is read once for all clicks
that say the same.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any, Final, Generic, TypeVar

from msgspec.structs import replace

from analytics_worker.pieces import Pieces
from analytics_worker.user_agents import UNKNOWN, read_user_agent
from db.clicks.dead_letters import DeadLetter
from db.clicks.tallies import Agent, Day, Looks, Rollup, Tally, Total
from db.clicks.wire import (
    Chunk,
    Click,
    PoisonedError,
    decode_click,
    decode_clicks,
)

DIRECT: Final = "direct"
LONGEST_VALUE: Final = 100
HOUR_MS: Final = 3_600_000
# A damaged journal may be nothing but poison; the first lines tell what there is to tell.
MOST_LETTERS: Final = 1_000
WIDTH: Final = 6  # what is kept of a click: time, visitor, referrer, country, agent, language
CODES_PER_PIECE: Final = 1_000
MOST_KNOWN: Final = 50_000  # different referrers, and as many agents, countries and languages
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}")

T = TypeVar("T")


class Batch:
    """Clicks of some chunks on their way into a roll-up."""

    def __init__(self) -> None:
        self.poisoned = 0  # lines
        self.letters: list[DeadLetter] = []  # the first of them
        # By code: `WIDTH` items of a click, then of the next one. A tuple for each click would take
        # a third longer.
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
        codes = self._codes
        for click in clicks:
            codes[click.code] += (
                click.at_ms,
                click.visitor,
                _referrers[click.referrer.partition("/")[0]],
                _countries[click.country],
                _agents[click.user_agent],
                _languages[click.language],
            )

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
    last_ms = max(times)
    if min(times) // HOUR_MS == last_ms // HOUR_MS:
        _add_hour(rollup, code, last_ms, seen)
        return
    hours: defaultdict[int, list[Any]] = defaultdict(list)
    for first, at_ms in enumerate(times):
        hours[at_ms // HOUR_MS] += seen[WIDTH * first : WIDTH * (first + 1)]
    for number in sorted(hours):
        _add_code(rollup, code, hours[number])


def _add_hour(rollup: Rollup, code: str, last_ms: int, seen: list[Any]) -> None:
    """Count the clicks of one code in one hour everywhere they count."""
    visitors: list[str] = seen[1::WIDTH]
    looks = Looks(seen[2::WIDTH], seen[3::WIDTH], seen[4::WIDTH], seen[5::WIDTH])
    clicks, bots = len(visitors), [agent.is_bot for agent in looks.agents].count(True)
    if bots:
        both = zip(visitors, looks.agents, strict=True)
        people = {visitor for visitor, agent in both if not agent.is_bot}
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


class _Known(dict[str, T], Generic[T]):
    """Values by what a click says, each read once.

    Not an `lru_cache`: to keep their order costs as much as all else that is done with a click.
    And not one for all that a click says together: there are few of each, and very many of all,
    which have no room in a processor's cache.
    """

    def __init__(self, read: Callable[[str], T]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, said: str) -> T:
        if len(self) >= MOST_KNOWN:
            self.clear()
        value = self[said] = self._read(said)
        return value


def _read_referrer(host: str) -> str:
    return _storable(host) or DIRECT


def _read_country(country: str) -> str:
    return _storable(country) or UNKNOWN


def _read_agent(header: str) -> Agent:
    agent = read_user_agent(header)
    return replace(agent, browser=_storable(agent.browser), os=_storable(agent.os))


def _read_language(header: str) -> str:
    found = _LANGUAGE.match(header)
    return found[0].lower() if found else UNKNOWN


def _storable(value: str) -> str:
    """Bounded, and without what Postgres has no room for in text: NUL and lone surrogates."""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()[:LONGEST_VALUE]


_referrers: Final = _Known(_read_referrer)
_countries: Final = _Known(_read_country)
_agents: Final = _Known(_read_agent)
_languages: Final = _Known(_read_language)
