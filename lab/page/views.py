"""/lab/keys: the page, its calculator, and the runs that it starts."""

from typing import cast

from flask import Blueprint, Response, current_app, render_template
from werkzeug.exceptions import NotFound

from app.http.bodies import answer, read_body, read_query
from app.http.context import web_process
from app.http.pages.pages import CONTENT_SECURITY_POLICY
from lab.page.access import (
    require_open_lab,
    require_operator,
    require_reader,
    require_same_origin,
)
from lab.page.estimate import EstimateQuery, answer_estimate
from lab.page.explanations import EXPLANATIONS
from lab.page.run_files import REPORT_FILES, Run, find_run, list_runs
from lab.page.run_messages import (
    LEAST_CODES,
    MOST_CODES,
    MOST_PROCESSES,
    Nothing,
    RunRequest,
    RunsAnswer,
    describe_run,
)
from lab.page.runner import Runner

blueprint = Blueprint(
    "lab",
    __name__,
    url_prefix="/lab/keys",
    template_folder="templates",
    static_folder="static",
)
blueprint.before_request(require_open_lab)

PAGE_POLICY = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
# The report brings its style sheet within itself, and needs nothing else.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'"
)


@blueprint.get("")
def show_page() -> Response:
    """The page; it is empty of secrets, whoever may see it."""
    page = render_template(
        "lab_keys.html",
        explanations=EXPLANATIONS,
        needs_key=web_process().settings.lab == "admin",
        bounds={"least": LEAST_CODES, "most": MOST_CODES, "processes": MOST_PROCESSES},
    )
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


@blueprint.get("/estimate")
def show_estimate() -> Response:
    """What a code length is good for."""
    return answer(answer_estimate(read_query(EstimateQuery)))


@blueprint.get("/runs")
def show_runs() -> Response:
    """The last runs."""
    require_operator()
    return answer(RunsAnswer([describe_run(run) for run in list_runs(_runner().runs)]))


@blueprint.post("/runs")
def start_run() -> Response:
    """Start one; 201 with its id, 409 while another runs."""
    require_same_origin()
    require_operator()
    asked = read_body(RunRequest)
    chosen = [name for name in EXPLANATIONS if name in asked.strategies]
    return answer(describe_run(_runner().start(chosen, asked.codes, asked.processes)), 201)


@blueprint.get("/runs/<run_id>")
def show_run(run_id: str) -> Response:
    """How a run stands."""
    require_operator()
    return answer(describe_run(_get_run(run_id)))


@blueprint.post("/runs/<run_id>/cancel")
def cancel_run(run_id: str) -> Response:
    """Ask a run to stop; it does within seconds. One that has ended stays as it is."""
    require_same_origin()
    require_operator()
    read_body(Nothing)
    run = _get_run(run_id)
    _runner().cancel(run)
    return answer(describe_run(run), 202)


@blueprint.get("/runs/<run_id>/<name>")
def show_report(run_id: str, name: str) -> Response:
    """A file of the report: the page to look at, the numbers to keep."""
    run = find_run(_runner().runs, run_id)
    require_reader(run.asked.ticket if run else None)
    if run is None or run.end.state != "finished" or name not in REPORT_FILES:
        raise NotFound
    try:
        content = (_runner().runs / run.id / name).read_bytes()
    except FileNotFoundError as error:  # a new run has just made room for itself
        raise NotFound from error
    response = Response(content, mimetype=REPORT_FILES[name])
    if name.endswith(".html"):
        response.headers["Content-Security-Policy"] = REPORT_POLICY
    else:
        response.headers["Content-Disposition"] = f"attachment; filename=hop-{name}"
    return response


def _runner() -> Runner:
    return cast("Runner", current_app.extensions["lab"])


def _get_run(run_id: str) -> Run:
    run = find_run(_runner().runs, run_id)
    if run is None:
        raise NotFound
    return run
