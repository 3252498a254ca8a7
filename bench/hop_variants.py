"""hop with a tier taken out, as a WSGI server starts it. Only the bench does that.

Process memory has no switch, because nobody who runs hop would want it off. Redis is taken out by
giving hop the address of one that is not there, which is what hop meets when Redis dies.
"""

import dataclasses
import os
from multiprocessing.util import Finalize

from flask import Flask

from app.cached_link import CachedLink
from app.factory import create_app
from app.hot_table import HotTable
from app.logs import configure_logs
from app.resources import open_resources
from app.settings import Settings


class _NoMemory(HotTable):
    """Remembers nothing: every redirect goes through Flask to the next tier."""

    def put(self, path: str, link: CachedLink, ticket: int, now: float) -> None:
        """Forget it at once."""


def without_memory() -> Flask:
    """`app.factory.serve_from_env`, but no link is kept in the memory of the process."""
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    opened = open_resources(settings)
    Finalize(None, opened.close, exitpriority=10)
    store = dataclasses.replace(opened.store, hot=_NoMemory())
    return create_app(dataclasses.replace(opened, store=store))
