"""GET /metrics, for Prometheus. Needs the admin key: codes are made to hide how many there are."""

from pathlib import Path

import redis
import structlog
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.clicks.lag import Lag, read_lag
from app.http.api.auth import require_admin
from app.http.context import web_process
from app.observe.metrics import describe
from app.process import WebProcess
from db.errors import DatabaseUnavailableError

log = structlog.get_logger(__name__)

blueprint = Blueprint("metrics", __name__)
blueprint.before_request(require_admin)


@blueprint.get("/metrics")
def get_metrics() -> Response:
    """Counters of all web processes of this server, and the lag of counting on this host."""
    process = web_process()
    process.export.run()
    return Response(describe(_find_lag(process)), content_type=CONTENT_TYPE_LATEST)


def _find_lag(process: WebProcess) -> Lag | None:
    try:
        return read_lag(Path(process.settings.journal_dir), process.pool, process.patient_client)
    except (DatabaseUnavailableError, redis.RedisError, OSError) as error:
        log.warning("metrics without lag", error=str(error))
        return None
