"""Routes under /lab/keys: the page, the calculator, and runs of experiments."""

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
# Endpoints without authentication. Reports are protected by the secret id of their run, because an
# iframe cannot send an API key.
OPEN: Final = {"lab.show_page", "lab.show_estimate", "lab.show_report", "lab.static"}
LOOPBACK: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
# A report has an inline style sheet and loads nothing.
REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox allow-same-origin"
)


@blueprint.before_request
def refuse_strangers() -> None:
    """Allow only this machine (in a demo) or the admin to start, read or cancel runs.

    A demo checks the Host header against DNS rebinding, where a foreign name resolves to the
    loopback address and the browser treats that site as the same origin.
    """
    is_demo = web_process().settings.lab == "demo"
    if is_demo and not LOOPBACK.fullmatch(request.host):
        abort(404)
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    # Compare without the scheme, which hop may not know behind a proxy. Clients other than browsers
    # send neither header.
    is_same_host = origin is None or origin.partition("://")[2] == request.host
    if request.method == "POST" and not (site == "same-origin" if site else is_same_host):
        raise CrossSiteError("Send the request from the page /lab/keys of this server.")
    if not is_demo and request.endpoint not in OPEN:
        require_admin()


@blueprint.get("")
def show_page() -> Response:
    """Show the page. It contains no secrets, so it needs no API key."""
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
    """Return an estimate for a code length as JSON; infinite numbers are null."""
    return answer(calculate(read_query(Question)))


@blueprint.post("/experiments/<name>")
def start_run(name: str) -> Response:
    """Start an experiment: 201 with its run; 404 for an unknown name; 409 while another runs."""
    if name not in EXPERIMENTS:
        abort(404)
    return answer(runner.start(name, read_body(EXPERIMENTS[name].options)), 201)


@blueprint.get("/runs")
def show_runs() -> Response:
    """List the kept runs with their states, latest first."""
    return answer({"runs": runner.list_runs()})


@blueprint.post("/runs/<run_id>/cancel")
def cancel_run(run_id: str) -> Response:
    """Ask a run to stop, which takes seconds: 202. A run that has ended is not changed."""
    run = _get_run(run_id)
    runner.cancel(run)
    return answer(run, 202)


@blueprint.get("/runs/<run_id>/report.<any(html, csv, json):kind>")
def show_report(run_id: str, kind: str) -> Response:
    """Serve the report of a finished run: HTML to show, CSV or JSON to download."""
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
