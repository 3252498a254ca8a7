"""How many clicks a running hop has counted, dropped, or still has to count."""

import contextlib
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import psycopg
import redis
import urllib3

from lab.drills.hop.running_hop import RunningHop
from lab.drills.hop.waiting import wait_until

_STREAMS: Final = "clicks*"
_DROPPED_METRIC: Final = "hop_clicks_dropped_total"
_RECEIPTS: Final = "SELECT producer, applied_bytes FROM click_producers WHERE producer = ANY(%s)"


def read_counted(hop: RunningHop, codes: Sequence[str]) -> dict[str, int]:
    """Clicks by code, from hop's API.

    Raises:
        HopError: there is no such response in time.
    """
    return dict(_get_json(hop, "/counts", codes=",".join(codes)))


def read_sums(hop: RunningHop, code: str) -> dict[str, int]:
    """Clicks of a code: the total, the sum over all days, and the sum over each dimension.

    Raises:
        HopError: there is no such response in time.
    """
    stats = _get_json(hop, f"/api/v1/links/{code}/stats")
    sums = {name: _sum_clicks(values) for name, values in stats["dimensions"].items()}
    return {"total": stats["clicks"], "days": _sum_clicks(stats["days"]), **sums}


def read_dropped(hop: RunningHop) -> int:
    """Clicks that hop reports as dropped."""
    lines = hop.get("/metrics").data.decode().splitlines()
    return sum(int(float(line.split()[1])) for line in lines if line.startswith(_DROPPED_METRIC))


def is_drained(hop: RunningHop) -> bool:
    """Whether the stream is empty and a receipt covers every byte of every journal.

    Raises:
        psycopg.OperationalError, redis.RedisError: a server does not answer.
    """
    with hop.redis() as client:
        if count_chunks(client):
            return False
    sizes = dict(_journal_sizes(hop))
    with psycopg.connect(hop.servers.database_url) as connection:
        receipts: dict[str, int] = dict(connection.execute(_RECEIPTS, (list(sizes),)).fetchall())
    return all(receipts.get(producer, 0) >= size for producer, size in sizes.items())


def count_chunks(client: "redis.Redis") -> int:
    """Chunks in the click streams."""
    return sum(client.xlen(stream) for stream in find_streams(client))


def find_streams(client: "redis.Redis") -> list[bytes]:
    """The Redis keys of the click streams."""
    return sorted(client.scan_iter(match=_STREAMS, count=1_000, _type="stream"))


def _journal_sizes(hop: RunningHop) -> Iterator[tuple[str, int]]:
    for path in hop.journal_dir.glob("*.journal"):
        try:
            yield path.stem, path.stat().st_size
        except FileNotFoundError:  # fully counted and removed since the listing
            continue


def _get_json(hop: RunningHop, path: str, **fields: str) -> Any:
    """GET a path until the status is 200: shortly after an outage it may not be."""
    responses: list[urllib3.BaseHTTPResponse] = []

    def is_ok() -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            responses.append(hop.get(path, **fields))
        return bool(responses) and responses[-1].status == HTTPStatus.OK

    wait_until(is_ok, f"a response to GET {path}")
    return responses[-1].json()


def _sum_clicks(rows: Sequence[dict[str, int]]) -> int:
    return sum(row["clicks"] for row in rows)
