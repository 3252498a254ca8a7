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

from app.cache.cached_link import CachedLink
from app.cache.memory import HotTable
from app.clicks.recorder import ClickRecorder
from app.factory import create_app
from app.observe.logs import configure_logs
from app.process import Resources, open_resources
from app.settings import Settings


class _NoMemory(HotTable):
    """Stores nothing, so every redirect goes through Flask to the next tier."""

    def put(self, path: str, link: CachedLink, ticket: int, now: float) -> None:
        """Store nothing."""


class _NoCounting(ClickRecorder):
    """Records nothing."""

    def __init__(self) -> None:
        """Open no journal."""

    def record(self, environ: Mapping[str, Any], code: str) -> None:
        """Record nothing."""


def without_memory() -> Flask:
    """`app.factory.serve_from_env` without links in process memory."""
    resources = _open()
    store = dataclasses.replace(resources.store, hot=_NoMemory())
    return create_app(dataclasses.replace(resources, store=store))


def without_counting() -> Flask:
    """`app.factory.serve_from_env` without recording clicks."""
    return create_app(dataclasses.replace(_open(), recorder=_NoCounting()))


def _open() -> Resources:
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    resources = open_resources(settings)
    Finalize(None, resources.close, exitpriority=10)
    return resources
