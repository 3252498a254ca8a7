"""GET /metrics, for Prometheus. With the admin key: volumes are what codes are made to hide."""

from pathlib import Path

import redis
import structlog
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.clicks.lag import Lag, read_lag
from app.http.api.auth import require_admin
from app.http.context import resources
from app.observe.metrics import describe
from app.process import Resources
from db.errors import DatabaseUnavailableError

log = structlog.get_logger(__name__)

blueprint = Blueprint("metrics", __name__)
blueprint.before_request(require_admin)


@blueprint.get("/metrics")
def get_metrics() -> Response:
    """Counters of all web processes of this server, and how far counting lags on this host."""
    hop = resources()
    hop.export.run()
    return Response(describe(_find_lag(hop)), content_type=CONTENT_TYPE_LATEST)


def _find_lag(hop: Resources) -> Lag | None:
    try:
        return read_lag(Path(hop.settings.journal_dir), hop.pool, hop.wire_client)
    except (DatabaseUnavailableError, redis.RedisError, OSError) as error:
        log.warning("metrics without lag", error=str(error))
        return None
