"""What became of the clicks of a hop, asked from outside."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

import psycopg
import redis
import urllib3

from lab.drills.running_hop import RunningHop

STREAMS: Final = "clicks*"
DROPPED_METRIC: Final = "hop_clicks_dropped_total"

_RECEIPTS = "SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)"


def read_counted(hop: RunningHop, codes: Sequence[str]) -> dict[str, int]:
    """Clicks by code as hop tells everybody; empty when it cannot tell now."""
    try:
        answer = hop.ask("/counts", codes=",".join(codes))
    except urllib3.exceptions.HTTPError:
        return {}
    return dict(answer.json()) if answer.status == HTTPStatus.OK else {}


def read_sums(hop: RunningHop, code: str) -> dict[str, int]:
    """A code's clicks in total, and added up over days and over the values of each dimension."""
    found = hop.ask(f"/api/v1/links/{code}/stats").json()
    sums = {name: _add_up(values) for name, values in found["dimensions"].items()}
    return {"total": found["clicks"], "days": _add_up(found["days"]), **sums}


def read_dropped(hop: RunningHop) -> int:
    """Clicks that hop says it could not keep."""
    lines = hop.ask("/metrics").data.decode().splitlines()
    return sum(int(float(line.split()[1])) for line in lines if line.startswith(DROPPED_METRIC))


def is_drained(hop: RunningHop) -> bool:
    """Whether the stream is empty, and every byte in a journal has its receipt.

    Raises:
        psycopg.OperationalError, redis.RedisError: it cannot be told.
    """
    with hop.redis() as client:
        if count_chunks(client):
            return False
    sizes = dict(_journals(hop))
    with psycopg.connect(hop.servers.database_url) as connection:
        receipts: dict[str, int] = dict(connection.execute(_RECEIPTS, (list(sizes),)).fetchall())
    return all(receipts.get(producer, 0) >= size for producer, size in sizes.items())


def count_chunks(client: "redis.Redis") -> int:
    """Chunks that wait to be counted."""
    return sum(client.xlen(stream) for stream in streams(client))


def streams(client: "redis.Redis") -> list[bytes]:
    """The keys of the click stream."""
    return sorted(client.scan_iter(match=STREAMS, count=1_000, _type="stream"))


def _journals(hop: RunningHop) -> Iterator[tuple[str, int]]:
    """Name and size of each."""
    for path in hop.journal_dir.glob("*.journal"):
        try:
            yield path.stem, path.stat().st_size
        except FileNotFoundError:  # counted to the end, and removed just now
            continue


def _add_up(rows: Sequence[dict[str, int]]) -> int:
    return sum(row["clicks"] for row in rows)
