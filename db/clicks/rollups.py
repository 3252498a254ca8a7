"""Click counts in Postgres: by code, by code and hour, by code and day with dimensions.

`add_rollup` takes a connection, because counts and receipts must change in one transaction.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final

import msgspec
import polars as pl
import structlog

from db.clicks import visitor_sketch
from db.connect.pool import Connection

log = structlog.get_logger(__name__)

DIMENSIONS: Final = ("referrer", "country", "browser", "os", "device", "language")
# Distinct values per code, day and dimension. Further values count as "other", so that a client
# that sends random referrers cannot fill the disk.
MAX_VALUES: Final = 200
OTHER: Final = "other"
# Rows formatted per write: Postgres reads them meanwhile, and memory never holds all as text.
ROWS_AT_ONCE: Final = 10_000

# dimension -> value -> [clicks, clicks by bots]
Dimensions = dict[str, dict[str, list[int]]]


@dataclass(frozen=True, slots=True)
class Rollup:
    """Rows that a batch of clicks adds to each table. Times are in UTC."""

    totals: pl.DataFrame  # code, clicks, bots, at (of the last click); sorted by code
    hours: pl.DataFrame  # code, hour, clicks, bots
    # code, day, clicks, bots; visitor and each of `DIMENSIONS` from one click of that day
    days: pl.DataFrame
    clicks: pl.DataFrame  # code, at, visitor, is_bot, each of `DIMENSIONS`


_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_totals (
    code text COLLATE "C", clicks bigint, bots bigint, last_click_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_hours (
    code text COLLATE "C", hour timestamptz, clicks bigint, bots bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_days (
    code text COLLATE "C", day date, clicks bigint, bots bigint, dimensions json, visitors bytea
) ON COMMIT DELETE ROWS;
-- The planner knows nothing of tables that were filled a moment ago. Always look up by key.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
"""

_ADD_TOTALS = """
INSERT INTO click_totals AS t SELECT * FROM staged_totals ORDER BY code
ON CONFLICT (code) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots,
    last_click_at = greatest(t.last_click_at, excluded.last_click_at)
RETURNING code, clicks
"""

_ADD_HOURS = """
INSERT INTO click_hours AS t SELECT * FROM staged_hours
ON CONFLICT (code, hour) DO UPDATE SET clicks = t.clicks + excluded.clicks,
    bots = t.bots + excluded.bots
"""

_READ_DAYS = """
SELECT code, day, clicks, bots, dimensions::text, visitors
FROM (SELECT DISTINCT code, hour::date AS day FROM staged_hours) AS wanted
JOIN click_days USING (code, day)
"""

_WRITE_DAYS = """
INSERT INTO click_days SELECT * FROM staged_days
ON CONFLICT (code, day) DO UPDATE SET clicks = excluded.clicks, bots = excluded.bots,
    dimensions = excluded.dimensions, visitors = excluded.visitors
"""


def add_rollup(connection: Connection, rollup: Rollup) -> None:
    """Add a batch to the roll-ups, within the caller's transaction. Safe across processes.

    Totals are written first, in the order of codes, which locks their rows until the commit.
    Another worker with the same codes waits there, so there are no deadlocks, and days can be read,
    merged and written without losing its counts. A code with a new total has no hours or days yet,
    so these are copied straight into their tables.
    """
    connection.execute(_STAGE)
    _copy(connection, "staged_totals", rollup.totals)
    known = _add_totals(connection, rollup.totals)
    is_known = pl.col("code").is_in(known.implode())
    _copy(connection, "click_hours", rollup.hours.filter(~is_known))
    _copy(connection, "staged_hours", rollup.hours.filter(is_known))
    connection.execute(_ADD_HOURS)
    stored = _read_days(connection)
    days = rollup.days.join(stored, on=["code", "day"], how="left", maintain_order="left")
    is_only_click = (pl.col("clicks") == 1) & pl.col("stored_clicks").is_null()
    _copy(connection, "click_days", days.filter(is_only_click), _days_of_one_click)
    clicks = rollup.clicks.with_columns(day=pl.col("at").dt.date())
    _copy(
        connection,
        "staged_days",
        days.filter(~is_only_click),
        lambda part: _merged_days(part, clicks),
    )
    connection.execute(_WRITE_DAYS)


def _add_totals(connection: Connection, totals: pl.DataFrame) -> pl.Series:
    """Add the staged totals; return the codes that already had clicks."""
    rows = connection.execute(_ADD_TOTALS).fetchall()
    counted = pl.DataFrame({"code": [code for code, _ in rows], "total": [n for _, n in rows]})
    return counted.join(totals, on="code").filter(pl.col("total") > pl.col("clicks"))["code"]


def _copy(
    connection: Connection,
    table: str,
    rows: pl.DataFrame,
    to_columns: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows,
) -> None:
    """COPY rows into a table, in text format; `to_columns` turns a slice into its columns."""
    with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for part in rows.iter_slices(ROWS_AT_ONCE):
            buffer = BytesIO()
            # In this format a backslash starts an escape sequence.
            escaped = pl.col(pl.String).str.replace_all("\\", "\\\\", literal=True)
            to_columns(part).with_columns(escaped).write_csv(
                buffer,
                include_header=False,
                separator="\t",
                quote_style="never",
                datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ",
            )
            copy.write(buffer.getbuffer())


_STORED: Final = {
    "code": pl.String,
    "day": pl.Date,
    "stored_clicks": pl.Int64,
    "stored_bots": pl.Int64,
    "stored_dimensions": pl.String,
    "stored_visitors": pl.Binary,
}


def _read_days(connection: Connection) -> pl.DataFrame:
    """The stored rows for days of known codes in the batch."""
    return pl.DataFrame(connection.execute(_READ_DAYS).fetchall(), _STORED, orient="row")


def _json(column: str) -> pl.Expr:
    """A column as JSON strings; its values contain no control characters."""
    return pl.format('"{}"', pl.col(column).str.replace_all(r'(["\\])', r"\${1}"))


_ONE_CLICK: Final = "{{" + ",".join(f'"{name}":{{{{{{}}:[1,{{}}]}}}}' for name in DIMENSIONS) + "}}"


def _days_of_one_click(days: pl.DataFrame) -> pl.DataFrame:
    """Rows of `click_days`. Formatting is cheaper than `_merge`, and most days have one click."""
    parts = [part for name in DIMENSIONS for part in (_json(name), pl.col("bots"))]
    people = days.select(pl.when(pl.col("bots") == 0).then("visitor").otherwise(pl.lit("")))
    return days.select(
        "code",
        "day",
        "clicks",
        "bots",
        pl.format(_ONE_CLICK, *parts).alias("dimensions"),
        _bytea([visitor_sketch.of_one(visitor) for visitor in people["visitor"].to_list()]),
    )


def _merged_days(days: pl.DataFrame, clicks: pl.DataFrame) -> pl.DataFrame:
    """Rows of `staged_days`: stored counts plus those of the batch."""
    days = days.with_row_index("row")
    clicks = clicks.join(days.select("row", "code", "day"), on=["code", "day"])
    values = pl.concat(
        clicks.group_by("row", value=name)
        .agg(pl.len().alias("clicks"), pl.col("is_bot").sum().alias("bots"))
        .select("row", pl.lit(name).alias("name"), "value", "clicks", "bots")
        for name in DIMENSIONS
    )
    is_person = ~pl.col("is_bot") & (pl.col("visitor") != "")
    visitors = clicks.filter(is_person).select("row", "visitor")
    dimensions, sketches = [], []
    for code, stored, sketch, added, people in zip(
        days["code"].to_list(),
        days["stored_dimensions"].to_list(),
        days["stored_visitors"].to_list(),
        _by_row(values, len(days)),
        _by_row(visitors, len(days)),
        strict=True,
    ):
        dimensions.append(_merge(stored, added))
        sketches.append(_grow(code, sketch or b"", [visitor for (visitor,) in people]))
    return days.select(
        "code",
        "day",
        pl.col("clicks") + pl.col("stored_clicks").fill_null(0),
        pl.col("bots") + pl.col("stored_bots").fill_null(0),
        pl.Series("dimensions", dimensions, pl.Binary).cast(pl.String),
        _bytea(sketches),
    )


def _by_row(frame: pl.DataFrame, rows: int) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Group a frame by its column `row`: one iterator for each of `range(rows)`, maybe empty.

    All share one underlying iterator, so each must be consumed before the next is taken. This is
    faster than a list per row.
    """
    frame = frame.sort("row")
    sizes = pl.DataFrame({"row": range(rows)}, {"row": pl.UInt32}).join(
        frame.group_by("row").len(), on="row", how="left", maintain_order="left"
    )
    found = zip(*(column.to_list() for column in frame.drop("row")), strict=True)
    return (islice(found, size) for size in sizes["len"].fill_null(0).to_list())


def _merge(stored: str | None, added: Iterable[tuple[str, str, int, int]]) -> bytes:
    """The dimensions of a day as JSON: stored counts plus (dimension, value, clicks, bots)."""
    dimensions: Dimensions = _decoder.decode(stored) if stored else {}
    for dimension, value, clicks, bots in added:
        values = dimensions.setdefault(dimension, {})
        counts = values.get(value)
        if counts is None:
            name = value if len(values) < MAX_VALUES else OTHER
            counts = values.setdefault(name, [0, 0])
        counts[0] += clicks
        counts[1] += bots
    return _encoder.encode(dimensions)


def _grow(code: str, stored: bytes, visitors: list[str]) -> bytes:
    """Add visitors to a day's sketch; a damaged sketch is replaced by a new one."""
    try:
        return visitor_sketch.add(stored, visitors) if visitors else stored
    except visitor_sketch.DamagedSketchError as error:
        # Losing one estimate is better than refusing all further clicks of this day.
        log.error("replaced a damaged visitor sketch", code=code, error=str(error))  # noqa: TRY400
        return visitor_sketch.add(b"", visitors)


def _bytea(values: list[bytes]) -> pl.Expr:
    column = pl.Series("visitors", values, pl.Binary).bin.encode("hex")
    return pl.format(r"\x{}", pl.lit(column)).alias("visitors")


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Dimensions)
