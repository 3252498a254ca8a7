"""hop with a part taken out, as a WSGI server starts it. Only the bench does that.

Process memory and counting have no switch, because nobody who runs hop would want them off. Redis
is taken out by giving hop the address of one that is not there, which is what hop meets when Redis
dies.
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
    """Remembers nothing: every redirect goes through Flask to the next tier."""

    def put(self, path: str, link: CachedLink, ticket: int, now: float) -> None:
        """Forget it at once."""


class _NoCounting(ClickRecorder):
    """Writes nothing down."""

    def __init__(self) -> None:
        """Without a journal."""

    def record(self, environ: Mapping[str, Any], code: str) -> None:
        """Forget the click."""


def without_memory() -> Flask:
    """`app.factory.serve_from_env`, but no link is kept in the memory of the process."""
    opened = _open()
    store = dataclasses.replace(opened.store, hot=_NoMemory())
    return create_app(dataclasses.replace(opened, store=store))


def without_counting() -> Flask:
    """`app.factory.serve_from_env`, but no click is recorded."""
    return create_app(dataclasses.replace(_open(), recorder=_NoCounting()))


def _open() -> Resources:
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    opened = open_resources(settings)
    Finalize(None, opened.close, exitpriority=10)
    return opened
