"""/lab/keys over HTTP: who may use it, its runs, and its calculator."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings import Settings
from lab.page.catalogue import EXPERIMENTS, list_fields
from lab.page.factory import add_lab
from lab.page.runner import MAX_RUNS, Runner
from tests.integration.conftest import ADMIN, Hop
from tests.lab_stand_in import COMMAND, ENTRY
from tests.running_demo import wait_until

PAGE = "/lab/keys"
RUNS = f"{PAGE}/runs"
START = f"{PAGE}/experiments/stand-in"
QUICK = {"strategies": ["counter", "random"], "codes": 1}
ENDLESS = {"codes": 60}


class Lab:
    """A hop whose lab has the stand-in, by its client."""

    def __init__(self, hop: Hop, settings: Settings, mode: str, runner: Runner) -> None:
        changed = msgspec.structs.replace(settings, lab=mode)
        app = create_app(dataclasses.replace(hop.process, settings=changed))
        add_lab(app, runner)
        self.runner = runner
        self.client: FlaskClient = app.test_client()

    def start(self, body: dict = QUICK, **options) -> str:
        answer = self.client.post(START, json=body, **options)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def run(self, run_id: str, **options) -> dict:
        runs = self.client.get(RUNS, **options).json["runs"]
        return next(run for run in runs if run["id"] == run_id)

    def wait_for(self, run_id: str, state: str, **options) -> dict:
        wait_until(lambda: self.run(run_id, **options)["state"] != "running", 15)
        run = self.run(run_id, **options)
        assert run["state"] == state, run
        return run

    def pid(self, run_id: str) -> int:
        file = self.runner.runs / run_id / "pid"
        wait_until(lambda: file.exists() and file.read_text(), 10)
        return int(file.read_text())


@pytest.fixture
def runner(tmp_path: Path, monkeypatch) -> Iterator[Runner]:
    monkeypatch.setitem(EXPERIMENTS, "stand-in", ENTRY)
    monkeypatch.setenv("HOP_ADMIN_KEY", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    made = Runner(tmp_path / "lab", COMMAND)
    yield made
    made.close()


@pytest.fixture
def lab(hop: Hop, settings: Settings, runner: Runner) -> Lab:
    return Lab(hop, settings, "demo", runner)


@pytest.fixture
def admin_lab(hop: Hop, settings: Settings, runner: Runner) -> Lab:
    return Lab(hop, settings, "admin", runner)


def test_nothing_is_there_when_it_is_off(hop: Hop):
    for path in ("/lab", "/lab/", PAGE, f"{PAGE}/estimate", RUNS, START):
        assert hop.client.get(path, headers=ADMIN).status_code == 404
    assert hop.client.post(START, json=QUICK, headers=ADMIN).status_code == 404
    assert "/lab/" not in hop.client.get("/").text
    assert hop.client.post("/shorten", json={"url": "https://a.example", "alias": "lab"}).is_json


def test_page_is_there_and_linked_when_it_is_on(lab: Lab):
    assert 'href="/lab/keys"' in lab.client.get("/").text
    page = lab.client.get("/lab/keys")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert policy.endswith("frame-src 'self'")
    assert "unsafe" not in policy
    assert "frame-src" not in lab.client.get("/").headers["Content-Security-Policy"]


def test_every_experiment_of_the_list_has_a_form_with_its_fields(lab: Lab):
    page = lab.client.get(PAGE).text
    for name, entry in EXPERIMENTS.items():
        assert f'action="{PAGE}/experiments/{name}"' in page
        assert entry.title in page
        assert all(f'name="{field}"' in page for field in list_fields(entry.options))
    assert 'name="seed"' not in page  # no title, no field
    assert lab.client.post(f"{PAGE}/experiments/unknown", json={}).status_code == 404


def test_report_can_be_had_when_the_run_has_finished(lab: Lab):
    run_id = lab.start()
    run = lab.wait_for(run_id, "finished")
    assert (run["experiment"], run["options"]) == ("stand-in", QUICK)
    assert run["message"] == "Nothing was measured."
    assert run["progress"] == {"step": 1, "of": 2, "doing": "random"}
    page = lab.client.get(f"{RUNS}/{run_id}/report.html", buffered=True)
    assert page.mimetype == "text/html"
    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
        " frame-ancestors 'self'; sandbox allow-same-origin"
    )
    table = lab.client.get(f"{RUNS}/{run_id}/report.csv", buffered=True)
    assert table.headers["Content-Disposition"] == "attachment; filename=hop-stand-in.csv"
    assert table.headers["Cache-Control"] == "no-store"
    assert lab.client.get(f"{RUNS}/{run_id}/report.json", buffered=True).json == [
        "counter",
        "random",
    ]
    assert int((lab.runner.runs / run_id / "niceness").read_text()) >= 10


def test_key_is_needed_when_it_is_no_demo(admin_lab: Lab):
    client = admin_lab.client
    assert client.get(PAGE).status_code == 200
    run_id = admin_lab.start(headers=ADMIN)
    admin_lab.wait_for(run_id, "finished", headers=ADMIN)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert client.post(START, json=QUICK, headers=headers).status_code == 401
        assert client.post(f"{RUNS}/{run_id}/cancel", json={}, headers=headers).status_code == 401
        assert client.get(RUNS, headers=headers).status_code == 401
        # A frame sends no key, but only who has one knows the id.
        report = client.get(f"{RUNS}/{run_id}/report.html", headers=headers, buffered=True)
        assert report.status_code == 200
        assert client.get(f"{RUNS}/{'0' * 32}/report.html", headers=headers).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
    ],
)
def test_other_site_is_refused_when_it_asks_for_work(lab: Lab, headers: dict):
    for path, body in ((START, QUICK), (f"{RUNS}/{'0' * 32}/cancel", {})):
        answer = lab.client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json["type"]) == (403, "/problems/cross-site")
    assert lab.client.get(RUNS).json == {"runs": []}


def test_form_is_refused_when_it_is_no_json(lab: Lab):
    for headers in ({}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}):
        assert lab.client.post(START, data=json.dumps(QUICK), headers=headers).status_code == 415
    assert lab.start(headers={"Origin": "http://localhost"})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "192.0.2.1", "[::1", "x["])
def test_demo_is_hidden_when_reached_by_a_foreign_name(lab: Lab, host: str):
    for path in ("/lab/keys", RUNS):
        assert lab.client.get(path, headers={"Host": host}).status_code in {400, 404}
    for own in ("127.0.0.1:8000", "[::1]:8000", "localhost"):
        assert lab.client.get("/lab/keys", headers={"Host": own}).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"codes": 101}, "codes"),
        ({"codes": 0}, "codes"),
        ({"codes": "many"}, "codes"),
        ({"strategies": []}, "strategies"),
        ({"strategies": ["random"] * 3}, "strategies"),
        ({"strategies": ["guess"]}, "strategies[0]"),
        ({"report": "/etc"}, "report"),
    ],
)
def test_run_is_refused_when_it_is_out_of_bounds(lab: Lab, change: dict, field: str):
    answer = lab.client.post(START, json={**QUICK, **change})
    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert not lab.runner.runs.exists()


def test_second_run_is_refused_while_one_runs_in_any_process(
    lab: Lab, hop: Hop, settings: Settings
):
    first = lab.start(ENDLESS)
    other = Lab(hop, settings, "demo", Runner(lab.runner.runs, COMMAND))
    for each in (lab, other):
        answer = each.client.post(START, json=QUICK)
        assert (answer.status_code, answer.json["type"]) == (409, "/problems/run-in-progress")
        assert each.run(first)["state"] == "running"  # the files tell, whichever process is asked
    pid = lab.pid(first)
    assert other.client.post(f"{RUNS}/{first}/cancel", json={}).status_code == 202
    other.wait_for(first, "cancelled")
    assert other.client.get(f"{RUNS}/{first}/report.html").status_code == 404
    assert (lab.runner.runs / first / "stopped").exists()  # by SIGTERM, with time to clean up
    lab.runner.close()
    assert not psutil.pid_exists(pid)
    other.start()
    other.runner.close()


@pytest.mark.parametrize(
    ("codes", "message"), [(66, "duplicates got through"), (67, "the stand-in was told to fail")]
)
def test_run_says_why_when_it_fails(lab: Lab, codes: int, message: str):
    run_id = lab.start({"codes": codes})
    assert lab.wait_for(run_id, "failed")["message"] == message
    assert lab.client.get(f"{RUNS}/{run_id}/report.html").status_code == 404


def test_run_is_stopped_when_its_time_is_over(lab: Lab, hop: Hop, settings: Settings):
    hasty = Lab(hop, settings, "demo", Runner(lab.runner.runs, COMMAND, timeout_s=0.3))
    run = hasty.wait_for(hasty.start(ENDLESS), "failed")
    assert run["message"] == "Stopped: it took longer than 0.3 seconds."
    hasty.runner.close()


def test_run_is_stopped_when_its_web_process_stops(lab: Lab):
    run_id = lab.start(ENDLESS)
    pid = lab.pid(run_id)
    lab.runner.close()
    assert not psutil.pid_exists(pid)
    assert lab.run(run_id)["message"] == "The web process that started it was stopped."


def test_run_is_stopped_when_its_web_process_is_killed(lab: Lab):
    script = (
        "import pathlib, signal, sys; from lab.page.runner import Runner;"
        "from tests.lab_stand_in import StandInOptions;"
        "Runner(pathlib.Path(sys.argv[1]), sys.argv[2:]).start("
        "'stand-in', StandInOptions(codes=60)); signal.pause()"
    )
    arguments = [sys.executable, "-c", script, str(lab.runner.runs), *COMMAND]
    with subprocess.Popen(arguments) as web:
        wait_until(lambda: lab.client.get(RUNS).json["runs"], 20)
        run_id = lab.client.get(RUNS).json["runs"][0]["id"]
        pid = lab.pid(run_id)
        web.kill()
    lab.wait_for(run_id, "cancelled")
    wait_until(lambda: not psutil.pid_exists(pid), 5)


def test_run_has_failed_when_it_was_killed(lab: Lab):
    run_id = lab.start(ENDLESS)
    os.kill(lab.pid(run_id), signal.SIGKILL)
    assert lab.wait_for(run_id, "failed")["message"] == "The run was killed."
    with (lab.runner.runs / run_id / "log.jsonl").open("ab") as log:
        log.write(b'{"progress": {"step"')  # a line that the kill has broken off
    assert lab.run(run_id)["progress"] == {"step": 1, "of": 2, "doing": "random"}
    child = psutil.Process(int((lab.runner.runs / run_id / "child").read_text()))
    lab.wait_for(lab.start(), "finished")
    # The next run does not share the machine with what this one has left behind.
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_oldest_runs_are_deleted_when_there_are_many(lab: Lab):
    made = []
    for _ in range(MAX_RUNS + 2):
        made.append(lab.start())  # at once: a run that is said to have ended is out of the way
        lab.wait_for(made[-1], "finished")
    assert len(set(made)) == MAX_RUNS + 2
    kept = [run["id"] for run in lab.client.get(RUNS).json["runs"]]
    assert kept == made[: -MAX_RUNS - 1 : -1]
    assert sorted(path.parent.name for path in lab.runner.runs.glob("*/*.jsonl")) == sorted(kept)


def test_no_other_file_is_given_out_when_asked_for(lab: Lab):
    run_id = lab.start()
    lab.wait_for(run_id, "finished")
    lab.runner.runs.joinpath("secret").write_text("x")
    for path in (
        *("..", "%2e%2e", "..%2f", "../secret", "%2e%2e%2fsecret", "secret", "A" * 32, "0" * 32),
        *(f"{run_id}/log.jsonl", f"{run_id}/report.jsonl", f"{run_id}/..%2fsecret"),
        *(f"{run_id}/../secret", f"{run_id}%00", f"{run_id.upper()}x", f"../lab/{run_id}"),
        *(f"{run_id}/../{run_id}/log.jsonl", f"{run_id}/report.html/..", f"{run_id}/pid"),
        *(f"..%2f{run_id}/report.html", "0/report.html", f"{'0' * 32}/report.html"),
    ):
        assert lab.client.get(f"{RUNS}/{path}").status_code == 404, path
    assert lab.client.post(f"{RUNS}/..%2f/cancel", json={}).status_code in {308, 404, 405}
    assert not (lab.runner.runs / "cancel").exists()


def test_estimate_is_worded_when_at_internet_scale(lab: Lab):
    found = lab.client.get("/lab/keys/estimate?links_per_day=1e8&years=5&length=7").json
    assert found["links"] == 182.5e9
    assert found["space"] == 62**7
    assert found["lasts"]
    assert found["verdict"] == (
        "A length of 7 lasts 96 years. For 5 years, no shorter one would do."
    )
    assert found["words"] == {
        "Links by then": "182 billion",
        "Codes of this length": "3.5 trillion",
        "Codes taken by then": "1 in 19",
        "Used up after": "96 years",
        "Any code drawn twice": "none",
        "Retries of all inserts": "none",
        "Retries of the last insert": "none",
        "Guesses until a hit": "19",
        "Shortest that lasts": "7 characters",
    }


def test_estimate_says_so_when_the_links_do_not_fit(lab: Lab):
    query = {"links_per_day": "1e8", "years": "5", "length": "3", "strategy": "random"}
    found = lab.client.get("/lab/keys/estimate", query_string=query).json
    assert (found["retries"], found["lasts"]) == (None, False)
    assert found["words"]["Retries of all inserts"] == "infinite"
    assert found["verdict"] == ("A length of 3 lasts under an hour, not 5 years. 7 would last.")


@pytest.mark.parametrize("strategy", ["counter", "stride", "permuted", "hash", "snowflake"])
def test_estimate_is_finite_json_when_the_bounds_are_reached(lab: Lab, strategy: str):
    for rate, years, alphabet, length in ((1e15, 1e4, 2, 1), (1e-9, 1e-9, 128, 32)):
        query = f"links_per_day={rate}&years={years}&alphabet={alphabet}&length={length}"
        answer = lab.client.get(f"/lab/keys/estimate?strategy={strategy}&{query}")
        assert answer.status_code == 200, answer.text
        assert "Infinity" not in answer.text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("links_per_day", "0"),
        ("links_per_day", "nan"),
        ("links_per_day", "inf"),
        ("links_per_day", ""),
        ("years", "-1"),
        ("years", "10001"),
        ("alphabet", "1"),
        ("alphabet", "2.5"),
        ("length", "0"),
        ("length", "33"),
        ("length", "1e400"),
        ("strategy", "guess"),
        ("colour", "red"),
    ],
)
def test_problem_names_the_field_when_the_estimate_cannot_be_made(lab: Lab, field, text):
    answer = lab.client.get("/lab/keys/estimate", query_string={field: text})
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert answer.json["field"] == field
