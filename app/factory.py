"""The only wiring of the web app."""

import os
from multiprocessing.util import Finalize

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.errors import MAX_BODY_BYTES
from app.http import errors
from app.http.api import counts, health, links, metrics, shorten
from app.http.pages import pages
from app.observe.logs import configure_logs
from app.observe.request_id import request_id
from app.process import WebProcess, open_process
from app.redirect.hot_path import HotPath
from app.redirect.view import redirect_blueprint
from app.settings import Settings


def create_app(process: WebProcess) -> Flask:
    """Wire the app around an open process; the caller closes it."""
    settings = process.settings
    status, cache_control = settings.redirect_status, settings.redirect_cache_control
    app = Flask("app", static_folder=None)
    app.extensions["hop"] = process
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.after_request(_finish)
    errors.register(app)
    for module in (pages, shorten, links, counts, health, metrics):
        app.register_blueprint(module.blueprint)
    app.register_blueprint(
        redirect_blueprint(
            process.reader, process.recorder, status=status, cache_control=cache_control
        )
    )
    app.wsgi_app = HotPath(  # type: ignore[method-assign]
        app.wsgi_app, process.memory, process.recorder, status=status, cache_control=cache_control
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def serve_from_env() -> Flask:
    """What a WSGI server calls, once in each of its worker processes."""
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    process = open_process(settings)
    # gunicorn's workers leave through the interpreter's exit, granian's through that of
    # multiprocessing; this finalizer runs in both.
    Finalize(None, process.close, exitpriority=10)
    return create_app(process)


def _finish(response: Response) -> Response:
    headers = response.headers
    if request.endpoint == "redirect.follow" and "Location" in headers:
        return response  # the same headers as from the hot path
    headers["X-Request-ID"] = request_id()
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", pages.CONTENT_SECURITY_POLICY)
        headers["Referrer-Policy"] = "no-referrer"
    return response
