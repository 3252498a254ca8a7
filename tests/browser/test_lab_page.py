"""/lab/keys in a real browser: against a demo, and against a hop that measures with a stand-in."""

import dataclasses
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from werkzeug.serving import make_server

from app.factory import create_app
from app.process import open_process
from app.settings import Settings
from db.api_keys import set_key
from lab.page.runner import Runner
from tests.browser.test_front_page import PHONE, browser
from tests.running_demo import RunningDemo

__all__ = ["browser"]  # a fixture

STAND_IN = (sys.executable, str(Path(__file__).parents[1] / "lab_stand_in.py"))
KEY = "a-key-for-this-test"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("lab"), "--no-seed", "--workers", "2")
    running.start()
    yield running
    assert running.stop() == []


@pytest.fixture
def served(database_url: str, redis_url: str, tmp_path: Path, request) -> Iterator[str]:
    """A hop in this process, by its address; the mode of its lab is the parameter, or demo."""
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        journal_dir=str(tmp_path / "journal"),
        lab=getattr(request, "param", "demo"),
    )
    opened = open_process(settings)
    resources = dataclasses.replace(opened, lab=Runner(tmp_path / "lab", STAND_IN))
    set_key(resources.pool, "admin", KEY)
    server = make_server("127.0.0.1", 0, create_app(resources), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    resources.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone; fails when a script fails, a policy is broken, or another host is asked."""
    opened = browser.new_page(viewport=PHONE)
    faults: list[str] = []

    def watch(asked: Request) -> None:
        if not asked.url.startswith("http://127.0.0.1:"):
            faults.append(f"asked {asked.url}")

    opened.on("request", watch)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: "Policy" in said.text and faults.append(said.text))
    yield opened
    opened.close()
    assert faults == []


def assert_fits(page: Page) -> None:
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]


def test_lab_is_linked_in_a_demo_and_its_calculator_answers_as_one_types(
    page: Page, demo: RunningDemo
):
    page.goto(demo.url)
    page.get_by_role("link", name="the lab").click()
    expect(page.locator("#density")).to_have_text("1 in 19")
    expect(page.locator("#space")).to_have_text("3.5 trillion")
    expect(page.locator("#lasts_years")).to_have_text("96 years")

    page.fill("#length", "5")
    expect(page.locator("#verdict")).to_contain_text("7 would last")
    page.get_by_role("button", name="Team tool").click()
    expect(page.locator("#links_per_day")).to_have_value("5,480")
    expect(page.locator("#verdict")).to_contain_text("5 characters last")
    page.select_option("#strategy", "random")
    expect(page.locator("#collision_probability")).to_have_text("certain")

    page.fill("#years", "20000")
    expect(page.locator("#years-error")).to_contain_text("10000")
    page.fill("#years", "five")
    expect(page.locator("#years-error")).to_have_text("A number is needed here.")
    expect(page.locator("#years")).to_have_attribute("aria-invalid", "true")
    page.fill("#years", "5")
    expect(page.locator("#years-error")).to_be_empty()
    assert_fits(page)


def test_run_shows_progress_and_its_report_without_a_reload(page: Page, served: str):
    page.goto(f"{served}/lab/keys")
    page.fill("#codes", "50,000")
    page.click("#start")
    expect(page.locator("#run-status")).to_contain_text("of 8")
    expect(page.locator("#run-bar")).to_be_visible()
    expect(page.locator("#run-status")).to_have_text("Finished.", timeout=15_000)
    report = page.frame_locator("#report-frame").locator("#styled")
    expect(report).to_have_css("color", "rgb(1, 2, 3)")  # its own policy lets it style itself
    page.wait_for_selector("#report-frame[style*=height]")
    assert page.locator("#report-frame").bounding_box()["height"] > 900  # all of it
    with page.expect_download() as download:
        page.click("#report-csv")
    assert Path(download.value.path()).read_text().splitlines()[:2] == ["strategy", "counter"]
    expect(page.locator("#earlier-runs li")).to_have_count(1)
    assert_fits(page)
    page.emulate_media(media="print")
    expect(page.locator("#report-frame")).to_be_hidden()  # paper would cut it anywhere
    expect(page.locator("#report .printed")).to_be_visible()


def test_run_goes_on_over_a_reload_and_can_be_cancelled(page: Page, served: str):
    page.goto(f"{served}/lab/keys")
    page.fill("#codes", "60000")
    page.uncheck("input[value=pool]")
    page.click("#start")
    expect(page.locator("#run-status")).to_contain_text("step 7 of 7")
    page.reload()
    expect(page.locator("#run-status")).to_contain_text("step 7 of 7")
    page.click("#cancel")
    expect(page.locator("#run-status")).to_have_text("Cancelled.", timeout=10_000)
    expect(page.locator("#start")).to_be_focused()


def test_field_is_pointed_out_when_a_run_is_refused(page: Page, served: str):
    page.goto(f"{served}/lab/keys")
    page.fill("#processes", "9")
    page.click("#start")
    expect(page.locator("#processes-error")).to_contain_text("<= 4")
    page.fill("#processes", "1")
    for box in page.locator("input[type=checkbox]").all():
        box.uncheck()
    page.click("#start")
    expect(page.locator("#strategies-error")).not_to_be_empty()


@pytest.mark.parametrize("served", ["admin"], indirect=True)
def test_key_is_asked_for_when_it_is_no_demo_and_is_not_kept(page: Page, served: str):
    page.goto(f"{served}/lab/keys")
    page.click("#start")
    expect(page.locator("#key-error")).to_have_text("The admin key is needed.")
    page.fill("#key", KEY)
    page.click("#start")
    expect(page.locator("#run-status")).to_have_text("Finished.", timeout=15_000)
    expect(page.frame_locator("#report-frame").locator("h1")).to_have_text("Comparison")
    page.reload()
    expect(page.locator("#key")).to_have_value("")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_demo_measures_for_real_when_asked(page: Page, demo: RunningDemo):
    page.goto(f"{demo.url}/lab/keys")
    for box in page.locator("input[type=checkbox]").all():
        box.set_checked(checked=box.get_attribute("value") in {"counter", "permuted"})
    page.fill("#codes", "1000")
    page.click("#start")
    expect(page.locator("#run-status")).to_have_text("Finished.", timeout=90_000)
    expect(page.frame_locator("#report-frame").locator("table").first).to_contain_text("permuted")
    assert_fits(page)
