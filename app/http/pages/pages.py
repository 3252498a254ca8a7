"""Pages for people: the front page, and what an error's type means."""

from flask import Blueprint, Response, current_app, render_template, request, send_from_directory
from werkzeug.exceptions import NotFound

from app.http.api.bodies import answer
from app.http.context import resources
from app.http.problems import PROBLEMS
from app.links.alias import is_code
from db.clicks.stats import read_clicks

blueprint = Blueprint(
    "web", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)

MOST_COUNTS = 50
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/")
def index() -> Response:
    """Paste a URL, get a short link, watch it being used."""
    return _page(render_template("index.html", has_lab="lab" in current_app.blueprints))


@blueprint.get("/counts")
def counts() -> Response:
    """Click counts of `?codes=a,b,c`: for the front page, which asks again and again.

    Public: who knows a code may know how often it was used, and nothing else about it.
    """
    codes = [code for code in request.args.get("codes", "").split(",") if is_code(code)]
    return answer(read_clicks(resources().pool, codes[:MOST_COUNTS]))


@blueprint.get("/problems/<slug>")
def problem(slug: str) -> Response:
    """What the type of a problem means."""
    for found in PROBLEMS.values():
        if found.slug == slug:
            return _page(render_template("problem.html", problem=found))
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
