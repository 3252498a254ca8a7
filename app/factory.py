"""The only wiring of the web process."""

import os
from multiprocessing.util import Finalize

from flask import Flask, Response, request
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.middleware.proxy_fix import ProxyFix

from app.http import errors as error_answers
from app.http.api import health, metrics, shorten
from app.http.api import links as v1
from app.http.pages import pages
from app.observe.logs import configure_logs
from app.observe.request_id import request_id
from app.process import Resources, open_resources
from app.redirect import view as redirects
from app.redirect.hot_path import HotPath
from app.settings import MAX_BODY_BYTES, Settings


def create_app(resources: Resources) -> Flask:
    """Wire the app around its resources; the caller closes them."""
    app = Flask("app", static_folder=None)
    app.extensions["hop"] = resources
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.after_request(_finish)
    error_answers.register(app)
    for module in (pages, shorten, v1, health, metrics, redirects):
        app.register_blueprint(module.blueprint)
    settings = resources.settings
    app.wsgi_app = HotPath(  # type: ignore[method-assign]
        app.wsgi_app,
        resources.hot,
        resources.recorder,
        status=f"{settings.redirect_status} {HTTP_STATUS_CODES[settings.redirect_status].upper()}",
        cache_control=settings.redirect_cache_control,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def serve_from_env() -> Flask:
    """What a WSGI server calls, once in each of its worker processes."""
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    resources = open_resources(settings)
    # gunicorn's workers leave through the interpreter's exit, granian's through that of
    # multiprocessing; this finalizer runs in both.
    Finalize(None, resources.close, exitpriority=10)
    return create_app(resources)


def _finish(response: Response) -> Response:
    headers = response.headers
    if request.endpoint == "redirects.redirect" and "Location" in headers:
        return response  # it says the same as the hot path, and no more
    headers["X-Request-ID"] = request_id()
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", pages.CONTENT_SECURITY_POLICY)
        headers["Referrer-Policy"] = "no-referrer"
    return response
