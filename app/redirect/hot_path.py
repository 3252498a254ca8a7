"""The first tier: answers a GET from process memory, before Flask is entered."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from app.cache.memory import MemoryCache
from app.clicks.recorder import ClickRecorder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NO_BODY: Final = [b""]


class HotPath:
    """WSGI middleware: a dict look-up, one write to the journal, three headers; no socket.

    `app.redirect.view` answers with the same bytes; a test compares them.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        memory: MemoryCache,
        recorder: ClickRecorder,
        *,
        status: int,
        cache_control: str,
    ) -> None:
        """Wrap an app.

        Args:
            app: answers everything that is not in memory.
            memory: targets by path.
            recorder: records clicks.
            status: of a redirect, such as 302.
            cache_control: that header of a redirect.
        """
        self._app = app
        self._memory = memory
        self._recorder = recorder
        self._status = f"{status} {HTTPStatus(status).phrase.upper()}"
        self._cache_control = ("Cache-Control", cache_control)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer, or pass the request on."""
        if environ["REQUEST_METHOD"] == "GET":
            path = environ["PATH_INFO"]
            target_url = self._memory.get(path)
            if target_url is not None:
                self._recorder.record(environ, path[1:])
                headers = [("Location", target_url), self._cache_control, ("Content-Length", "0")]
                start_response(self._status, headers)
                return _NO_BODY
        return self._app(environ, start_response)
