"""The query of a redirect that no cache can answer, by the number of links in the table.

Each table size has its own database. The databases are queried in turn, so that a busy spell of
the machine slows them all. Look-ups go through `db.links` over one connection, to random links.
"""

import random
import statistics
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from typing import Final

import click
import psycopg

from bench.benchmark import Options, Results
from bench.growth.figures import FULL_SIZES, SIZES, LookUps, TableSize, describe_growth
from bench.servers.web_server import ServerError
from db.connect.pool import Pool, open_pool
from db.links import find_link
from lab.servers import lab_servers

# Room for 10 million links: the benchmark measures the index, not the disk.
BUFFERS: Final = "4GB"
STEP: Final = 250_000
BLOCKS: Final = 50  # per table size and round
LOOK_UPS: Final = 100  # per block

# Like hop's codes: seven characters, in an order unrelated to that of the rows. `_code` computes
# the same in Python. If a code occurs twice, the second row is left out.
_FILL: Final = """
INSERT INTO links (code, target_url)
SELECT left(translate(encode(sha256(n::text::bytea), 'base64'), '+/=', 'xyz'), 7),
       'https://example.org/a/page/of/the/bench?number=' || n
FROM generate_series(%(first)s::int, %(last)s::int) AS n
ON CONFLICT DO NOTHING
"""
_SIZES: Final = "SELECT pg_table_size('links'), pg_indexes_size('links')"


def measure_growth(options: Options) -> Results:
    """Time look-ups by the number of links.

    Raises:
        db.connect.embedded.EmbeddedServerError: a package is missing, or a server does not start.
        ServerError: a link is missing.
    """
    with (
        lab_servers(with_redis=False, shared_buffers=BUFFERS) as servers,
        ExitStack() as opened,
    ):
        pools, sizes = {}, []
        for links in FULL_SIZES if options.full else SIZES:
            url = opened.enter_context(servers.fresh_database())
            sizes.append(_fill(url, links))
            pools[links] = opened.enter_context(open_pool(url, name="hop-bench", max_size=1))
        chance = random.Random(62)
        _look_up_in_turn(pools, 0, chance)  # reads the tables into memory
        look_ups = [
            each
            for number in range(options.rounds)
            for each in _look_up_in_turn(pools, number, chance)
        ]
    return describe_growth(sizes, look_ups)


def _fill(database_url: str, links: int) -> TableSize:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for first in range(1, links + 1, STEP):
            last = min(first + STEP - 1, links)
            connection.execute(_FILL, {"first": first, "last": last})
            click.echo(f"  {last:,} of {links:,} links", err=True)
        # Sets hint bits, which the first reader of a row would otherwise write.
        connection.execute("VACUUM ANALYZE links")
        connection.execute("CHECKPOINT")
        table, index = connection.execute(_SIZES).fetchone() or (0, 0)
    return TableSize(links, table, index)


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
            p50_us=statistics.median(times) / 1_000,
            p99_us=statistics.quantiles(times, n=100)[-1] / 1_000,
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
            raise ServerError(f"{code} is missing among {links:,} links")
    return times_ns


def _code(number: int) -> str:
    digest = sha256(str(number).encode()).digest()
    return b64encode(digest).translate(bytes.maketrans(b"+/=", b"xyz"))[:7].decode()
