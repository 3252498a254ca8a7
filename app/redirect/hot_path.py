"""The first tier: answers a GET of a hot link from process memory, before Flask is entered."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from app.cache.memory import HotTable
from app.clicks.recorder import ClickRecorder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NO_BODY: Final = [b""]


class HotPath:
    """WSGI middleware: a dict look-up, one journal write under its lock, three headers; no socket.

    `app.redirect.view` answers with the same bytes; a test compares them.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        table: HotTable,
        recorder: ClickRecorder,
        *,
        status: str,
        cache_control: str,
    ) -> None:
        """Wrap an app.

        Args:
            app: answers everything that is not in the table.
            table: targets by path.
            recorder: of clicks.
            status: the status line of a redirect, such as "302 FOUND".
            cache_control: that header of a redirect.
        """
        self._app = app
        self._table = table
        self._recorder = recorder
        self._status = status
        self._cache_control = ("Cache-Control", cache_control)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer or pass on."""
        # Who sends a key may be told how the answer was found: that is for Flask.
        if environ["REQUEST_METHOD"] == "GET" and "HTTP_AUTHORIZATION" not in environ:
            path = environ["PATH_INFO"]
            target_url = self._table.get(path)
            if target_url is not None:
                self._recorder.record(environ, path[1:])
                headers = [("Location", target_url), self._cache_control, ("Content-Length", "0")]
                start_response(self._status, headers)
                return _NO_BODY
        return self._app(environ, start_response)
