"""For load balancers and container engines."""

import msgspec
from flask import Blueprint, Response

from app.http.bodies import answer
from app.http.context import web_process
from db.errors import DatabaseUnavailableError, RedisUnavailableError

blueprint = Blueprint("health", __name__)


class Health(msgspec.Struct):
    """`ok`, `degraded` (a server is away, redirects go on) or `down`."""

    status: str
    parts: dict[str, str] = {}


@blueprint.get("/healthz")
def live() -> Response:
    """The process answers."""
    return answer(Health("ok"))


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether requests should be sent here: while Postgres or Redis answers.

    With Postgres alone everything works; with Redis alone cached links redirect. A load balancer
    that took the host out in either case would turn a small fault into an outage.
    """
    parts = {}
    for name, ping in web_process().pings().items():
        try:
            ping()
            parts[name] = "ok"
        except (DatabaseUnavailableError, RedisUnavailableError):
            parts[name] = "away"
    if "ok" not in parts.values():
        return answer(Health("down", parts), 503)
    return answer(Health("degraded" if "away" in parts.values() else "ok", parts))
