"""Cold look-ups in a table that grows: what a redirect asks Postgres when no cache has the link.

Each size has a database of its own, and they are asked in turn: a machine that is slow for a while
slows them all. Asked are links chosen by chance, over one connection, through `db.links`.
"""

import random
import statistics
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import click
import psycopg

from bench.section import Findings, Plan
from bench.serving import ServingError
from db.links import find_link
from db.pool import Pool, open_pool
from lab.charts import Series, line_chart
from lab.figures import percentile
from lab.servers import lab_servers
from lab.tables import Table

SIZES: Final = (10_000, 1_000_000)
FULL_SIZES: Final = (*SIZES, 10_000_000)
STEP: Final = 250_000
BLOCKS: Final = 50  # per size and round, in turn with the other sizes
LOOK_UPS: Final = 100  # per block
GOAL: Final = 1.3

# Codes as hop's are: seven characters, in an order that has nothing to do with that of the rows.
# `_code` computes the same in Python. Two in 3.5 trillion may be equal: one of them is left out.
_FILL: Final = """
INSERT INTO links (code, target_url)
SELECT left(translate(encode(sha256(n::text::bytea), 'base64'), '+/=', 'xyz'), 7),
       'https://example.org/a/page/of/the/bench?number=' || n
FROM generate_series(%(first)s::int, %(last)s::int) AS n
ON CONFLICT DO NOTHING
"""
_SIZES: Final = "SELECT pg_table_size('links'), pg_indexes_size('links')"


@dataclass(frozen=True, slots=True)
class LookUps:
    """Those of one size in one round."""

    round: int
    links: int
    mean_us: float
    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class Size:
    """What so many links take on the disk."""

    links: int
    table_bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """The median round of one size."""

    links: int
    mean_us: float
    p50_us: float
    p99_us: float
    times: float  # p50 beside that of the smallest size in the same round
    table_bytes: float  # per link
    index_bytes: float


@dataclass(frozen=True, slots=True)
class GrowthMeasured:
    """Everything, for the JSON."""

    figures: list[Figure]
    look_ups: list[LookUps]


def measure_growth(plan: Plan) -> Findings:
    """Time look-ups by the number of links.

    Raises:
        db.embedded.EmbeddedServerError: a package is missing, or a server does not start.
        ServingError: a link that must be there is not found.
    """
    with lab_servers(with_redis=False) as servers, ExitStack() as opened:
        pools, sizes = {}, []
        for links in FULL_SIZES if plan.full else SIZES:
            url = opened.enter_context(servers.fresh_database())
            sizes.append(_fill(url, links))
            pools[links] = opened.enter_context(open_pool(url, name="hop-bench", max_size=1))
        chance = random.Random(62)
        _look_up_in_turn(pools, 0, chance)  # so that no round is the first to read the disk
        look_ups = [
            each
            for number in range(plan.rounds)
            for each in _look_up_in_turn(pools, number, chance)
        ]
    return _describe([_figure(size, look_ups) for size in sizes], look_ups)


def _fill(database_url: str, links: int) -> Size:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for first in range(1, links + 1, STEP):
            last = min(first + STEP - 1, links)
            connection.execute(_FILL, {"first": first, "last": last})
            click.echo(f"  {last:,} of {links:,} links", err=True)
        # As autovacuum would: the first reader of a row else writes down that it is committed.
        connection.execute("VACUUM ANALYZE links")
        connection.execute("CHECKPOINT")
        table, index = connection.execute(_SIZES).fetchone() or (0, 0)
    return Size(links, table, index)


def _look_up_in_turn(
    pools: Mapping[int, Pool], number: int, chance: random.Random
) -> list[LookUps]:
    times_ns: dict[int, list[int]] = {links: [] for links in pools}
    for _ in range(BLOCKS):
        for links, pool in pools.items():
            times_ns[links] += _look_up(pool, links, chance)
    return [
        LookUps(
            round=number,
            links=links,
            mean_us=statistics.fmean(times) / 1_000,
            p50_us=percentile(sorted(times), 50) / 1_000,
            p99_us=percentile(sorted(times), 99) / 1_000,
        )
        for links, times in times_ns.items()
    ]


def _look_up(pool: Pool, links: int, chance: random.Random) -> list[int]:
    times_ns = []
    for code in [_code(chance.randint(1, links)) for _ in range(LOOK_UPS)]:
        began_ns = time.perf_counter_ns()
        link = find_link(pool, code)
        times_ns.append(time.perf_counter_ns() - began_ns)
        if link is None:
            raise ServingError(f"{code} is not found among {links:,} links")
    return times_ns


def _code(number: int) -> str:
    digest = sha256(str(number).encode()).digest()
    return b64encode(digest).translate(bytes.maketrans(b"+/=", b"xyz"))[:7].decode()


def _figure(size: Size, look_ups: list[LookUps]) -> Figure:
    ours = [each for each in look_ups if each.links == size.links]
    base = {each.round: each.p50_us for each in look_ups if each.links == SIZES[0]}
    return Figure(
        links=size.links,
        mean_us=statistics.median(each.mean_us for each in ours),
        p50_us=statistics.median(each.p50_us for each in ours),
        p99_us=statistics.median(each.p99_us for each in ours),
        times=statistics.median(each.p50_us / base[each.round] for each in ours),
        table_bytes=size.table_bytes / size.links,
        index_bytes=size.index_bytes / size.links,
    )


def _describe(figures: list[Figure], look_ups: list[LookUps]) -> Findings:
    medians = [(float(each.links), each.p50_us) for each in figures]
    return Findings(
        title="Look-ups in Postgres by the number of links",
        table=Table(
            ("links", "mean µs", "p50 µs", "p99 µs", "times", "table B/link", "index B/link"),
            [
                (
                    *(each.links, each.mean_us, each.p50_us, each.p99_us, each.times),
                    *(round(each.table_bytes), round(each.index_bytes)),
                )
                for each in figures
            ],
        ),
        notes=[
            f"times: p50 beside that of {SIZES[0]:,} links in the same round.",
            _say_goal(figures[-1]),
        ],
        charts=[
            line_chart(
                "a look-up, by links in the table",
                [Series("p50", medians), Series("", medians, None, "circle")],
                x_label="links",
                y_label="µs",
                log_x=True,
            )
        ],
        measured=GrowthMeasured(figures, look_ups),
    )


def _say_goal(largest: Figure) -> str:
    goal = f"Goal: at most {GOAL} times at {FULL_SIZES[-1]:,} links"
    if largest.links < FULL_SIZES[-1]:
        return f"{goal}; --full measures it."
    return f"{goal}: {largest.times:.2f}, {'reached' if largest.times <= GOAL else 'missed'}."
