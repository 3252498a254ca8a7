"""Parses chunks of lines and adds them up into a roll-up, column by column."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import Final

import polars as pl

from analytics_worker.fields import (
    read_country,
    read_language,
    read_referrer,
    read_user_agent,
)
from db.clicks.dead_letters import DeadLetter
from db.clicks.rollups import DIMENSIONS, Rollup
from db.clicks.wire import (
    LATEST_MS,
    LINE_PATTERN,
    Chunk,
    Click,
    PoisonedError,
    decode_click,
)

# Parse at most 16 chunks (4 MB) at a time, since the columns kept need half the memory of lines.
CHUNKS_AT_ONCE: Final = 16
# Every line of a damaged journal may be malformed; the first ones are enough to diagnose it.
MAX_LETTERS: Final = 1_000
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


class Malformed:
    """Malformed lines of a batch: their number, and dead letters for the first `MAX_LETTERS`."""

    def __init__(self) -> None:
        self.lines = 0
        self.letters: list[DeadLetter] = []

    def add(self, chunk: Chunk, offset: int, line: bytes) -> None:
        """Count a malformed line of `chunk`; `offset` is its position in the journal, in bytes."""
        self.lines += 1
        if len(self.letters) < MAX_LETTERS:
            self.letters.append(
                DeadLetter("line", _reason(line), line, chunk.producer, offset),
            )


def read_clicks(chunks: Sequence[Chunk]) -> tuple[pl.DataFrame, Malformed]:
    """Parse the lines of chunks.

    Returns:
        A frame with a row per click, in the order of the lines (columns: code, at in UTC, visitor,
        is_bot, and each of `DIMENSIONS`), and the malformed lines.
    """
    malformed = Malformed()
    frames = [
        _parse_lines(chunks[first : first + CHUNKS_AT_ONCE], malformed)
        for first in range(0, max(len(chunks), 1), CHUNKS_AT_ONCE)
    ]
    return pl.concat(frames), malformed


def roll_up(clicks: pl.DataFrame) -> Rollup:
    """Aggregate clicks, in the columns of `read_clicks`, for each roll-up table."""
    first_values = [pl.col(name).first() for name in ("visitor", *DIMENSIONS)]
    by_hour = (
        clicks.group_by("code", hour=pl.col("at").dt.truncate("1h"))
        .agg(
            pl.len().alias("clicks"),
            pl.col("is_bot").sum().alias("bots"),
            pl.col("at").max(),
            *first_values,
        )
        # Written in this order, neighbouring rows share index pages.
        .sort("code")
        .with_columns(day=pl.col("hour").dt.date())
    )
    counts = pl.col("clicks", "bots").sum()
    return Rollup(
        totals=by_hour.group_by("code", maintain_order=True).agg(counts, pl.col("at").max()),
        hours=by_hour.select("code", "hour", "clicks", "bots"),
        days=by_hour.group_by("code", "day", maintain_order=True).agg(counts, *first_values),
        clicks=clicks,
    )


def _parse_lines(chunks: Sequence[Chunk], malformed: Malformed) -> pl.DataFrame:
    data = b"".join(_blank_invalid_utf8(chunk.lines) for chunk in chunks)
    lines = pl.read_lines(BytesIO(data), name="line")
    parsed = lines.select(
        pl.col("line").str.contains(LINE_PATTERN).alias("matches"),
        pl.col("line").str.splitn("\t", 1 + len(Click._fields)).alias("fields"),
    ).unnest("fields")
    parsed.columns = ["matches", "version", *Click._fields]
    parsed = parsed.with_columns(pl.col("at_ms").cast(pl.Int64, strict=False))
    is_click = parsed["matches"] & (parsed["at_ms"] < LATEST_MS).fill_null(value=False)
    if not is_click.all():
        _note_malformed(chunks, is_click, malformed)
        parsed = parsed.filter(is_click)
    return _read_fields(parsed)


def _read_fields(parsed: pl.DataFrame) -> pl.DataFrame:
    """Interpret the fields, each distinct value once."""
    user_agents = parsed["user_agent"].unique()
    agents = pl.DataFrame(
        [(header, *read_user_agent(header)) for header in user_agents],
        schema={
            "user_agent": pl.String,
            "browser": pl.String,
            "os": pl.String,
            "device": pl.String,
            "is_bot": pl.Boolean,
        },
        orient="row",
    )
    host = parsed["referrer"].str.splitn("/", 2).struct.field("field_0")
    return parsed.join(agents, on="user_agent", how="left", maintain_order="left").select(
        "code",
        "visitor",
        "is_bot",
        "browser",
        "os",
        "device",
        pl.col("at_ms").cast(pl.Datetime("ms", "UTC")).alias("at"),
        _map_distinct(host, read_referrer).alias("referrer"),
        _map_distinct(parsed["country"], read_country).alias("country"),
        _map_distinct(parsed["language"], read_language).alias("language"),
    )


def _map_distinct(column: pl.Series, read: Callable[[str], str]) -> pl.Series:
    values = column.unique()
    return column.replace_strict(values, [read(value) for value in values], return_dtype=pl.String)


def _blank_invalid_utf8(lines: bytes) -> bytes:
    """Replace each line that is not UTF-8 by an empty one; the result ends with a line end."""
    whole = lines if lines.endswith(b"\n") or not lines else lines + b"\n"
    if _is_utf8(whole):
        return whole
    return b"".join(line if _is_utf8(line) else b"\n" for line in BytesIO(whole))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _note_malformed(chunks: Iterable[Chunk], is_click: pl.Series, malformed: Malformed) -> None:
    flags: Iterator[bool] = iter(is_click)  # one per line, across chunks
    for chunk in chunks:
        offset = chunk.offset
        for line in BytesIO(chunk.lines):
            if not next(flags):
                malformed.add(chunk, offset, line)
            offset += len(line)


def _reason(line: bytes) -> str:
    try:
        decode_click(line)
    except PoisonedError as error:
        return str(error)
    return "not a click"
