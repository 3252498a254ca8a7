"""Sample links, and a week of clicks that take the usual path.

The clicks are written to a journal without an owner, like that of a dead web process. A running web
process adopts and ships it, and the worker counts it.
"""

import random
import time
from pathlib import Path
from typing import Final

import urllib3

from app.clicks.journal_file import create
from db.clicks.wire import encode_click

SAMPLES: Final = {
    "http": "https://www.rfc-editor.org/rfc/rfc9110",
    "url": "https://url.spec.whatwg.org/",
    "python": "https://docs.python.org/3/",
    "flask": "https://flask.palletsprojects.com/",
    "postgres": "https://www.postgresql.org/docs/18/index.html",
    "redis": "https://redis.io/docs/latest/develop/data-types/streams/",
    "locust": "https://docs.locust.io/",
    "hyperloglog": "https://en.wikipedia.org/wiki/HyperLogLog",
    "feistel": "https://en.wikipedia.org/wiki/Feistel_cipher",
    "birthday": "https://en.wikipedia.org/wiki/Birthday_problem",
    "zipf": "https://en.wikipedia.org/wiki/Zipf%27s_law",
    "outbox": "https://microservices.io/patterns/data/transactional-outbox.html",
}

CLICKS: Final = 3_000
DAYS: Final = 7
VISITORS: Final = 400

_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
AGENTS: Final = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36": 30,
    f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36": 25,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.5 Mobile/15E148 Safari/604.1": 20,
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0": 10,
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": 8,
    "curl/8.14.1": 7,
}
REFERRERS: Final = {"": 50, "news.ycombinator.com/item": 20, "www.google.com/": 20, "t.co/x": 10}
LANGUAGES: Final = {"en-US,en;q=0.9": 60, "de-DE,de;q=0.9": 20, "fr-FR,fr;q=0.8": 12, "ja": 8}


def seed(hop_url: str, journal_dir: Path) -> int:
    """Write the sample clicks, then create the sample links over HTTP.

    Returns:
        The number of clicks.
    """
    lines = make_lines(random.Random(62), time.time())
    journal = create(journal_dir)
    with open(journal.fd, "wb", closefd=False) as file:
        file.writelines(lines)
    journal.close()
    # Links come last: a start that finds none seeds again.
    for alias, target in SAMPLES.items():
        urllib3.request(
            "POST", f"{hop_url}/shorten", json={"url": target, "alias": alias}, timeout=10
        )
    return len(lines)


def make_lines(chance: random.Random, now: float) -> list[bytes]:
    """A week of clicks, sorted by time: popularity follows Zipf's law, nights are quiet."""
    codes = list(SAMPLES)
    popularity = [1 / (rank + 1) for rank in range(len(codes))]
    visitors = [f"{chance.getrandbits(64):016x}" for _ in range(VISITORS)]
    agents = {visitor: _pick(chance, AGENTS) for visitor in visitors}
    lines = []
    for at_s in sorted(now - _age_s(chance) for _ in range(CLICKS)):
        visitor = chance.choice(visitors)
        lines.append(
            encode_click(
                code=chance.choices(codes, popularity)[0],
                at_ms=int(at_s * 1000),
                referrer=_pick(chance, REFERRERS),
                user_agent=agents[visitor],
                language=_pick(chance, LANGUAGES),
                visitor=visitor,
            )
        )
    return lines


def _age_s(chance: random.Random) -> float:
    """The age of a click: any day of the week, more often around noon than at night."""
    day = chance.randrange(DAYS)
    hour = min(max(chance.gauss(12, 5), 0), 24)
    return day * 86_400 + hour * 3_600


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
