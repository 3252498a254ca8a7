"""For load balancers and container engines."""

import msgspec
import redis
from flask import Blueprint, Response

from app.http.api.bodies import answer
from app.http.context import resources
from db.errors import DatabaseUnavailableError

blueprint = Blueprint("health", __name__)


class Health(msgspec.Struct):
    """`ok`, `degraded` (some part is away, redirects go on) or `down`."""

    status: str
    parts: dict[str, str] = {}


@blueprint.get("/healthz")
def live() -> Response:
    """The process answers."""
    return answer(Health("ok"))


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether requests should be sent here: as long as one of Postgres and Redis answers.

    With Postgres alone everything works; with Redis alone cached links redirect. A load balancer
    that took the host out in either case would turn a small fault into an outage.
    """
    parts = {}
    for name, ping in resources().pings().items():
        try:
            ping()
            parts[name] = "ok"
        except (DatabaseUnavailableError, redis.RedisError):
            parts[name] = "away"
    away = [name for name, state in parts.items() if state == "away"]
    if len(away) == len(parts):
        return answer(Health("down", parts), 503)
    return answer(Health("degraded" if away else "ok", parts))
