"""Reads the click roll-ups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db.clicks import visitor_sketch
from db.connect.pool import Pool, connection_to


@dataclass(frozen=True, slots=True)
class Stats:
    """Click statistics of one code. `clicks` includes `bots`."""

    clicks: int
    bots: int
    last_click_at: datetime | None
    unique_visitors: int  # an estimate, see `visitor_sketch`
    by_day: list[tuple[date, int, int]]  # (day, clicks, bots), oldest first; no empty days
    by_dimension: dict[str, list[tuple[str, int]]]  # top 10 of (value, clicks), most clicks first


_TOTALS = "SELECT clicks, bots, last_click_at FROM click_totals WHERE code = %(code)s"

_BY_DAY = """
SELECT day, clicks, bots FROM click_days WHERE code = %(code)s AND day >= %(since)s ORDER BY day
"""

_BY_DIMENSION = """
SELECT dimension, value, clicks FROM (
    SELECT dimension, value, sum((tally->>0)::bigint)::bigint AS clicks,
        row_number() OVER (
            PARTITION BY dimension ORDER BY sum((tally->>0)::bigint) DESC, value
        ) AS place
    FROM click_days, json_each(dimensions) AS d (dimension, tallies),
        json_each(tallies) AS t (value, tally)
    WHERE code = %(code)s AND day >= %(since)s GROUP BY dimension, value
) AS ranked WHERE place <= 10 ORDER BY dimension, place
"""

_SKETCHES = "SELECT visitors FROM click_days WHERE code = %(code)s"


def read_stats(pool: Pool, code: str, *, today: date, days: int = 30) -> Stats:
    """Read the statistics of one code; zeros if it has no clicks.

    Totals, last click and unique visitors cover its whole life, `by_day` and `by_dimension` the
    `days` days that end with `today` (UTC).

    Raises:
        DatabaseUnavailableError: Postgres cannot be read.
    """
    values = {"code": code, "since": today - timedelta(days=days - 1)}
    with connection_to(pool) as connection, connection.pipeline():
        totals = connection.execute(_TOTALS, values).fetchone()
        by_day = connection.execute(_BY_DAY, values).fetchall()
        ranked = connection.execute(_BY_DIMENSION, values).fetchall()
        sketches = connection.execute(_SKETCHES, values).fetchall()
    by_dimension: dict[str, list[tuple[str, int]]] = {}
    for dimension, value, clicks in ranked:
        by_dimension.setdefault(dimension, []).append((value, clicks))
    clicks, bots, last_click_at = totals or (0, 0, None)
    return Stats(
        clicks=clicks,
        bots=bots,
        last_click_at=last_click_at,
        unique_visitors=visitor_sketch.estimate(bytes(sketch) for (sketch,) in sketches),
        by_day=[(day, clicks, bots) for day, clicks, bots in by_day],
        by_dimension=by_dimension,
    )


def read_clicks(pool: Pool, codes: Sequence[str]) -> dict[str, int]:
    """Read the number of clicks of each code, 0 for those without any.

    Raises:
        DatabaseUnavailableError: Postgres cannot be read.
    """
    with connection_to(pool) as connection:
        rows = connection.execute(
            "SELECT code, clicks FROM click_totals WHERE code = ANY(%s)", (list(codes),)
        ).fetchall()
    return dict.fromkeys(codes, 0) | dict(rows)


_OF_LINKS = """
SELECT links.code, coalesce(clicks, 0) FROM links LEFT JOIN click_totals USING (code)
WHERE links.code = ANY(%(codes)s)
"""


def read_clicks_of_links(pool: Pool, codes: Sequence[str]) -> dict[str, int]:
    """The number of clicks of each code that is, or was, a link's; the others are left out."""
    with connection_to(pool) as connection:
        return dict(connection.execute(_OF_LINKS, {"codes": list(codes)}).fetchall())
