"""Lines of clicks become what they add to each roll-up table.

What is said of a click's look is worked out once for all clicks that look the same, and what it
adds to the dimensions of a day once for all clicks of a code in a batch that do.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
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


class Batch:
    """Clicks of some chunks on their way into a roll-up."""

    def __init__(self) -> None:
        self.poisoned = 0  # lines
        self.letters: list[DeadLetter] = []  # the first of them
        # Code and hour -> time, look and visitor of each click.
        self._hours: defaultdict[tuple[str, int], list[tuple[int, Look, str]]] = defaultdict(list)

    def add(self, chunk: Chunk) -> None:
        """Take the lines of a chunk; those that cannot be read are left out and kept."""
        clicks = decode_clicks(chunk.lines)
        self._add(self._readable(chunk) if clicks is None else clicks)

    def roll_up(self) -> Rollup:
        """What all of it adds to each table."""
        rollup = Rollup()
        hours = self._hours
        for key in sorted(hours):
            _add_hour(rollup, *key, hours[key])
        return rollup

    def _add(self, clicks: Iterable[Click]) -> None:
        hours = self._hours
        for click in clicks:
            at_ms = click.at_ms
            look = _read_look(click.referrer, click.country, click.user_agent, click.language)
            hours[click.code, at_ms // HOUR_MS].append((at_ms, look, click.visitor))

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


def _add_hour(rollup: Rollup, code: str, number: int, seen: list[tuple[int, Look, str]]) -> None:
    """Count the clicks of one code in one hour everywhere they count."""
    if len(seen) == 1:  # most hours of most codes: three comprehensions less
        ((last_ms, look, visitor),) = seen
        clicks, bots, looks = 1, int(look.is_bot), [look]
        visitors = {visitor} if visitor and not look.is_bot else set()
    else:
        clicks, last_ms = len(seen), max([at_ms for at_ms, _, _ in seen])
        looks = [look for _, look, _ in seen]
        visitors = {visitor for _, look, visitor in seen if visitor and not look.is_bot}
        bots = [look.is_bot for look in looks].count(True)
    rollup.hours[code, number] = Tally(clicks, bots)
    total = rollup.totals.get(code)
    if total is None:
        rollup.totals[code] = Total(clicks, bots, last_ms)
    else:
        total.add(clicks, bots, last_ms)
    day = rollup.days.get((code, number // 24))
    if day is None:
        rollup.days[code, number // 24] = Day(Tally(clicks, bots), looks, visitors)
    else:
        day.add(Tally(clicks, bots), looks, visitors)


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
