"""hop without one of its parts, as a WSGI server starts it.

Process memory and counting have no setting to switch them off, so they are replaced here. To leave
Redis out, hop gets an address at which no Redis listens.
"""

import dataclasses
import os
from collections.abc import Mapping
from multiprocessing.util import Finalize
from typing import Any

from flask import Flask

from app.cache.memory import MemoryCache
from app.clicks.recorder import ClickRecorder
from app.factory import create_app
from app.observe.logs import configure_logs
from app.process import WebProcess, open_process
from app.redirect.guess_limit import GuessLimit
from app.redirect.lookup import LinkReader
from app.settings import Settings


class _NoCounting(ClickRecorder):
    """Records nothing."""

    def __init__(self) -> None:
        """Open no journal."""

    def record(self, environ: Mapping[str, Any], code: str) -> None:
        """Record nothing."""


def without_memory() -> Flask:
    """`app.factory.serve_from_env` without links in process memory."""
    process = _open()
    memory = MemoryCache(max_entries=0)
    no_limit = GuessLimit(None, process.cache_redis, process.recorder.pseudonym)
    reader = LinkReader(process.pool, memory, process.redis_cache, no_limit)
    return create_app(dataclasses.replace(process, memory=memory, reader=reader))


def without_counting() -> Flask:
    """`app.factory.serve_from_env` without recording clicks."""
    return create_app(dataclasses.replace(_open(), recorder=_NoCounting()))


def _open() -> WebProcess:
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    process = open_process(settings)
    Finalize(None, process.close, exitpriority=10)
    return process
