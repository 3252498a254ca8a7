"""hop as it runs where only hop is installed, for the bench of memory.

structlog loads rich and greenlet where it finds them: tools of the developers bring them, 3 MB.
"""

import sys

from flask import Flask


def as_deployed() -> Flask:
    """`app.factory.serve_from_env`, in a process that has not imported it yet."""
    for name in ("greenlet", "rich"):
        sys.modules[name] = None  # type: ignore[assignment]  # to import it fails
    from app.factory import serve_from_env  # noqa: PLC0415 - not before

    return serve_from_env()
