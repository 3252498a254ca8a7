"""Lines of clicks become what they add to each roll-up table.

What is said of a click's look is worked out once for all clicks that look the same, and what it
adds to the dimensions of a day once for all clicks of a code in a batch that do.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Final

from analytics_worker.events import (
    Chunk,
    Click,
    PoisonedError,
    decode_click,
    decode_clicks,
)
from analytics_worker.user_agents import UNKNOWN, read_user_agent
from db.dead_letters import DeadLetter
from db.rollups import Day, Look, Rollup, Tally, Total

DIRECT: Final = "direct"
LONGEST_VALUE: Final = 100
HOUR_MS: Final = 3_600_000
# A damaged journal may be nothing but poison; the first lines tell what there is to tell.
MOST_LETTERS: Final = 1_000
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}")


@dataclass(slots=True)
class Hour:
    """The clicks of one code in one hour."""

    last_ms: int = 0
    looks: dict[Look, int] = field(default_factory=dict)
    visitors: set[str] = field(default_factory=set)


class Batch:
    """Clicks of some chunks on their way into a roll-up."""

    def __init__(self) -> None:
        self.poisoned = 0  # lines
        self.letters: list[DeadLetter] = []  # the first of them
        self._hours: dict[tuple[str, int], Hour] = {}

    def add(self, chunk: Chunk) -> None:
        """Take the lines of a chunk; those that cannot be read are left out and kept."""
        clicks = decode_clicks(chunk.lines)
        self._add(self._readable(chunk) if clicks is None else clicks)

    def roll_up(self) -> Rollup:
        """What all of it adds to each table."""
        rollup = Rollup()
        for (code, number), hour in self._hours.items():
            _add_hour(rollup, code, number, hour)
        return rollup

    def _add(self, clicks: Iterable[Click]) -> None:
        hours = self._hours
        for click in clicks:
            at_ms, visitor = click.at_ms, click.visitor
            look = _read_look(click.referrer, click.country, click.user_agent, click.language)
            key = click.code, at_ms // HOUR_MS
            hour = hours.get(key)
            if hour is None:
                hour = hours[key] = Hour()
            looks = hour.looks
            looks[look] = looks.get(look, 0) + 1
            hour.last_ms = max(hour.last_ms, at_ms)
            if visitor and not look.is_bot:
                hour.visitors.add(visitor)

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


def _add_hour(rollup: Rollup, code: str, number: int, hour: Hour) -> None:
    """Count an hour everywhere it counts."""
    clicks = sum(hour.looks.values())
    bots = sum(clicks for look, clicks in hour.looks.items() if look.is_bot)
    rollup.hours[code, number] = Tally(clicks, bots)
    total = rollup.totals.get(code)
    if total is None:
        rollup.totals[code] = Total(clicks, bots, hour.last_ms)
    else:
        total.add(clicks, bots, hour.last_ms)
    day = rollup.days.get((code, number // 24))
    if day is None:
        rollup.days[code, number // 24] = Day(Tally(clicks, bots), hour.looks, hour.visitors)
    else:
        day.add(Tally(clicks, bots), hour.looks, hour.visitors)


@lru_cache(maxsize=50_000)
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
