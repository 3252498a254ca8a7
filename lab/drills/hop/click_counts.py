"""What became of the clicks of a hop, asked from outside."""

import contextlib
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import psycopg
import redis
import urllib3

from lab.drills.hop.running_hop import RunningHop, wait_until

STREAMS: Final = "clicks*"
DROPPED_METRIC: Final = "hop_clicks_dropped_total"

_RECEIPTS = "SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)"


def read_counted(hop: RunningHop, codes: Sequence[str]) -> dict[str, int]:
    """Clicks by code, as hop tells everybody.

    Raises:
        HopError: it does not tell.
    """
    return dict(_ask(hop, "/counts", codes=",".join(codes)))


def read_sums(hop: RunningHop, code: str) -> dict[str, int]:
    """A code's clicks in total, and added up over days and over the values of each dimension.

    Raises:
        HopError: it does not tell.
    """
    found = _ask(hop, f"/api/v1/links/{code}/stats")
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


def _ask(hop: RunningHop, path: str, **fields: str) -> Any:
    """What hop answers; shortly after an outage it may have to be asked again."""
    answers: list[urllib3.BaseHTTPResponse] = []

    def is_answered() -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            answers.append(hop.ask(path, **fields))
        return bool(answers) and answers[-1].status == HTTPStatus.OK

    wait_until(is_answered, f"an answer to {path}")
    return answers[-1].json()


def _add_up(rows: Sequence[dict[str, int]]) -> int:
    return sum(row["clicks"] for row in rows)
