"""Lines of clicks become what they add to each roll-up table."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from analytics_worker.events import Click, PoisonedError, decode_click
from analytics_worker.user_agents import UNKNOWN, Agent, read_user_agent
from db.clicks import Rollup, Tally

log = structlog.get_logger(__name__)

DIRECT: Final = "direct"
LONGEST_VALUE: Final = 100
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}")


def roll_up(lines: Iterable[bytes]) -> Rollup:
    """Aggregate some lines; one that cannot be read is logged and left out."""
    rollup = Rollup()
    for line in lines:
        try:
            add_click(rollup, decode_click(line))
        except (PoisonedError, ValueError, OverflowError) as error:
            log.warning("poisoned click skipped", error=str(error))
    return rollup


def add_click(rollup: Rollup, click: Click) -> None:
    """Count one click everywhere it counts."""
    agent = read_user_agent(click.user_agent)
    at = datetime.fromtimestamp(click.at_ms / 1000, UTC)
    hour, day = at.replace(minute=0, second=0, microsecond=0), at.date()
    code = click.code
    tallies = [
        rollup.totals.setdefault(code, Tally()),
        rollup.hours.setdefault((code, hour), Tally()),
    ]
    for dimension, value in _dimensions(click, agent).items():
        key = (code, day, dimension, _storable(value))
        tallies.append(rollup.dimensions.setdefault(key, Tally()))
    for tally in tallies:
        tally.clicks += 1
        tally.bots += agent.is_bot
    rollup.last_click_at[code] = max(at, rollup.last_click_at.get(code, at))
    if click.visitor and not agent.is_bot:
        rollup.visitors.setdefault((code, day), set()).add(click.visitor)


def _dimensions(click: Click, agent: Agent) -> dict[str, str]:
    """One value for each dimension, so that each adds up to the number of clicks."""
    language = _LANGUAGE.match(click.language)
    return {
        "referrer": click.referrer.partition("/")[0] or DIRECT,
        "country": click.country or UNKNOWN,
        "browser": agent.browser,
        "os": agent.os,
        "device": agent.device,
        "language": language[0].lower() if language else UNKNOWN,
    }


def _storable(value: str) -> str:
    """Bounded, and without what Postgres has no room for in text: NUL and lone surrogates."""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()[:LONGEST_VALUE]
