"""/lab/keys: the page, its calculator, and the runs that it starts."""

import re
from typing import Final, cast

from flask import Blueprint, Response, abort, current_app, render_template, request
from flask.helpers import send_from_directory
from werkzeug.local import LocalProxy

from app.errors import CrossSiteError
from app.http.api.auth import require_admin
from app.http.bodies import answer, read_body, read_query
from app.http.context import web_process
from app.http.pages.pages import CONTENT_SECURITY_POLICY
from lab.capacity.calculator import Question, calculate
from lab.capacity.workload import SCALES
from lab.page.catalogue import EXPERIMENTS, list_fields
from lab.page.runner import Run, Runner
from lab.strategies.explanations import EXPLANATIONS

blueprint = Blueprint(
    "lab", __name__, url_prefix="/lab/keys", template_folder="templates", static_folder="static"
)
runner = cast("Runner", LocalProxy(lambda: current_app.extensions["lab"]))
# Reports, too, to whoever has the secret id of their run: a frame sends no API key.
OPEN: Final = {"lab.show_page", "lab.show_estimate", "lab.show_report", "lab.static"}
LOOPBACK: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
# A report contains its style sheet and loads nothing.
REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox allow-same-origin"
)


@blueprint.before_request
def refuse_strangers() -> None:
    """Let only this machine (in a demo) or the admin start, read or stop work.

    DNS rebinding can point a foreign name at the loopback address; a browser then takes that site
    for the same origin. So a demo checks the host name.
    """
    is_demo = web_process().settings.lab == "demo"
    if is_demo and not LOOPBACK.fullmatch(request.host):
        abort(404)
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    # The scheme is not compared: behind a proxy we may not know our own. Programs send neither.
    is_ours = origin is None or origin.partition("://")[2] == request.host
    if request.method == "POST" and not (site == "same-origin" if site else is_ours):
        raise CrossSiteError("Use the page /lab/keys of this hop itself.")
    if not is_demo and request.endpoint not in OPEN:
        require_admin()


@blueprint.get("")
def show_page() -> Response:
    """The page. It holds no secrets, so anybody may load it."""
    page = render_template(
        "lab.html",
        calculator=Question,
        scales=SCALES,
        experiments=EXPERIMENTS,
        explanations=EXPLANATIONS,
        list_fields=list_fields,
        needs_key=web_process().settings.lab == "admin",
    )
    policy = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": policy})


@blueprint.get("/estimate")
def show_estimate() -> Response:
    """What a code length is good for; what is infinite is null."""
    return answer(calculate(read_query(Question)))


@blueprint.post("/experiments/<name>")
def start_run(name: str) -> Response:
    """Start a run of an experiment: 201 with the run, 409 while another one runs."""
    if name not in EXPERIMENTS:
        abort(404)
    return answer(runner.start(name, read_body(EXPERIMENTS[name].options)), 201)


@blueprint.get("/runs")
def show_runs() -> Response:
    """How the runs that are kept stand, the latest first."""
    return answer({"runs": runner.list_runs()})


@blueprint.post("/runs/<run_id>/cancel")
def cancel_run(run_id: str) -> Response:
    """Ask a run to stop; it does within seconds. One that has ended stays as it is."""
    run = _get_run(run_id)
    runner.cancel(run)
    return answer(run, 202)


@blueprint.get("/runs/<run_id>/report.<any(html, csv, json):kind>")
def show_report(run_id: str, kind: str) -> Response:
    """The report of a finished run: a page to look at, numbers to keep."""
    run = _get_run(run_id)
    if run.state != "finished":
        abort(404)
    name = f"{run.experiment}.{kind}"
    response = send_from_directory(
        runner.runs / run_id, name, as_attachment=kind != "html", download_name=f"hop-{name}"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = REPORT_POLICY
    return response


def _get_run(run_id: str) -> Run:
    return runner.find_run(run_id) or abort(404)
