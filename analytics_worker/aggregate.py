"""Chunks of lines become a roll-up, column by column."""

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

# Lines are parsed in pieces of four megabytes: what is kept of them takes half the memory.
CHUNKS_AT_ONCE: Final = 16
# A damaged journal may be malformed throughout; the first lines tell what there is to tell.
MOST_LETTERS: Final = 1_000
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


class Malformed:
    """Lines that are no clicks: how many, and the first of them."""

    def __init__(self) -> None:
        self.lines = 0
        self.letters: list[DeadLetter] = []

    def add(self, chunk: Chunk, offset: int, line: bytes) -> None:
        """Note a line of a chunk, which begins at an offset of its journal."""
        self.lines += 1
        if len(self.letters) < MOST_LETTERS:
            self.letters.append(
                DeadLetter("line", _reason(line), line, chunk.producer, offset),
            )


def read_clicks(chunks: Sequence[Chunk]) -> tuple[pl.DataFrame, Malformed]:
    """Read the lines of some chunks.

    Returns:
        A row per click: code, at (UTC), visitor, is_bot and each of `DIMENSIONS`; and the lines
        that are none.
    """
    malformed = Malformed()
    pieces = [
        _read_piece(chunks[first : first + CHUNKS_AT_ONCE], malformed)
        for first in range(0, max(len(chunks), 1), CHUNKS_AT_ONCE)
    ]
    return pl.concat(pieces), malformed


def roll_up(clicks: pl.DataFrame) -> Rollup:
    """Add clicks up, for each table.

    Args:
        clicks: as `read_clicks` returns them.
    """
    kept = [pl.col(name).first() for name in ("visitor", *DIMENSIONS)]
    by_hour = (
        clicks.group_by("code", hour=pl.col("at").dt.truncate("1h"))
        .agg(
            pl.len().alias("clicks"),
            pl.col("is_bot").sum().alias("bots"),
            pl.col("at").max(),
            *kept,
        )
        # Rows that are neighbours in an index are then written together.
        .sort("code")
        .with_columns(day=pl.col("hour").dt.date())
    )
    sums = [pl.col("clicks", "bots").sum()]
    return Rollup(
        totals=by_hour.group_by("code", maintain_order=True).agg(*sums, pl.col("at").max()),
        hours=by_hour.select("code", "hour", "clicks", "bots"),
        days=by_hour.group_by("code", "day", maintain_order=True).agg(*sums, *kept),
        clicks=clicks,
    )


def _read_piece(chunks: Sequence[Chunk], malformed: Malformed) -> pl.DataFrame:
    data = b"".join(_text(chunk.lines) for chunk in chunks)
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
    """Each different value of a field is read once."""
    said = parsed["user_agent"].unique()
    agents = pl.DataFrame(
        [(header, *read_user_agent(header)) for header in said],
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
        _each(host, read_referrer).alias("referrer"),
        _each(parsed["country"], read_country).alias("country"),
        _each(parsed["language"], read_language).alias("language"),
    )


def _each(column: pl.Series, read: Callable[[str], str]) -> pl.Series:
    said = column.unique()
    return column.replace_strict(said, [read(value) for value in said], return_dtype=pl.String)


def _text(lines: bytes) -> bytes:
    """The lines of a chunk, with an empty one in place of each that is not UTF-8."""
    whole = lines if lines.endswith(b"\n") or not lines else lines + b"\n"
    if _is_text(whole):
        return whole
    return b"".join(line if _is_text(line) else b"\n" for line in BytesIO(whole))


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _note_malformed(chunks: Iterable[Chunk], is_click: pl.Series, malformed: Malformed) -> None:
    answers: Iterator[bool] = iter(is_click)
    for chunk in chunks:
        offset = chunk.offset
        for line in BytesIO(chunk.lines):
            if not next(answers):
                malformed.add(chunk, offset, line)
            offset += len(line)


def _reason(line: bytes) -> str:
    try:
        decode_click(line)
    except PoisonedError as error:
        return str(error)
    return "not a click"
