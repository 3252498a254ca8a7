"""Pages for people: the front page, and the explanation of each error."""

from flask import Blueprint, Response, current_app, render_template, send_from_directory
from werkzeug.exceptions import NotFound

from app.errors import all_errors

blueprint = Blueprint(
    "web", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/")
def index() -> Response:
    """Paste a URL, get a short link, watch its clicks."""
    return _page(render_template("index.html", has_lab="lab" in current_app.blueprints))


@blueprint.get("/problems/<slug>")
def problem(slug: str) -> Response:
    """What the type of a problem document means."""
    for error in all_errors():
        if error.slug == slug:
            return _page(render_template("problem.html", problem=error))
    raise NotFound


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Robots may read the front page; short links are not to be indexed."""
    return Response("User-agent: *\nAllow: /$\nDisallow: /\n", mimetype="text/plain")


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """The icon, for browsers that ask without being told where it is."""
    response = send_from_directory(f"{blueprint.root_path}/static", "icon.svg")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def _page(html: str) -> Response:
    return Response(html, mimetype="text/html")
