"""/lab/keys in a real browser: against a demo, and against a hop that measures with a stand-in."""

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
from lab.page.catalogue import EXPERIMENTS
from lab.page.factory import add_lab
from lab.page.runner import Runner
from tests.browser.test_front_page import PHONE, browser
from tests.lab_stand_in import COMMAND, ENTRY
from tests.running_demo import RunningDemo

__all__ = ["browser"]  # a fixture

KEY = "a-key-for-this-test"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("lab"), "--no-seed", "--workers", "2")
    running.start()
    yield running
    assert running.stop() == []


@pytest.fixture
def served(
    database_url: str, redis_url: str, tmp_path: Path, request, monkeypatch
) -> Iterator[str]:
    """A hop in this process, by its address; the mode of its lab is the parameter, or demo."""
    monkeypatch.setitem(EXPERIMENTS, "stand-in", ENTRY)
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        journal_dir=str(tmp_path / "journal"),
        lab=getattr(request, "param", "demo"),
    )
    process = open_process(settings)
    set_key(process.pool, "admin", KEY)
    app, runner = create_app(process), Runner(tmp_path / "lab", COMMAND)
    add_lab(app, runner)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    runner.close()
    process.close()


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


def open_stand_in(page: Page, served: str) -> None:
    page.goto(f"{served}/lab/keys")
    page.get_by_text("Stand-in", exact=True).click()


def start_stand_in(page: Page) -> None:
    page.locator("#stand-in button").click()


def test_lab_is_linked_in_a_demo_and_its_calculator_answers_as_one_types(
    page: Page, demo: RunningDemo
):
    page.goto(demo.url)
    page.get_by_role("link", name="the lab").click()
    figure = page.locator("#figures div")
    expect(figure.filter(has_text="Codes taken by then")).to_contain_text("1 in 19")
    expect(figure.filter(has_text="Used up after")).to_contain_text("96 years")

    page.fill("#estimate-length", "5")
    expect(page.locator("#verdict")).to_contain_text("7 would last")
    page.get_by_role("link", name="team").click()
    expect(page.locator("#estimate-links_per_day")).to_have_value("5479")
    expect(page.locator("#verdict")).to_contain_text("4 would do")
    page.select_option("#estimate-strategy", "random")
    expect(figure.filter(has_text="Any code drawn twice")).to_contain_text("certain")

    page.fill("#estimate-years", "20000")
    expect(page.locator("#estimate-years-error")).to_contain_text("10000")
    page.fill("#estimate-years", "five")
    expect(page.locator("#estimate-years-error")).to_have_text("Enter a number.")
    expect(page.locator("#estimate-years")).to_have_attribute("aria-invalid", "true")
    page.fill("#estimate-years", "5")
    expect(page.locator("#estimate-years-error")).to_be_empty()
    assert_fits(page)


def test_run_shows_progress_and_its_report_without_a_reload(page: Page, served: str):
    open_stand_in(page, served)
    page.fill("#stand-in-codes", "50")
    start_stand_in(page)
    expect(page.locator("#status")).to_be_focused()
    expect(page.locator("#status")).to_have_text("Stand-in: random, 50 %")
    expect(page.locator("#bar")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Stand-in: finished. Nothing was measured.")
    report = page.frame_locator("#report").locator("#styled")
    expect(report).to_have_css("color", "rgb(1, 2, 3)")  # its own policy lets it style itself
    page.wait_for_selector("#report[height]")
    assert page.locator("#report").bounding_box()["height"] > 900  # all of it
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().splitlines() == ["strategy", "counter", "random"]
    expect(page.locator("#runs li")).to_have_count(1)
    assert_fits(page)
    page.reload()
    expect(page.locator("#report")).to_be_hidden()
    page.get_by_role("link", name="Show").click()
    expect(page.frame_locator("#report").locator("h1")).to_have_text("Stand-in")
    page.emulate_media(media="print")
    expect(page.locator("#report")).to_be_hidden()  # paper would cut it anywhere


def test_run_goes_on_over_a_reload_and_can_be_cancelled(page: Page, served: str):
    open_stand_in(page, served)
    page.fill("#stand-in-codes", "60")
    page.locator("#stand-in").get_by_label("random").uncheck()
    start_stand_in(page)
    expect(page.locator("#status")).to_have_text("Stand-in: counter, 0 %")
    page.reload()
    expect(page.locator("#status")).to_have_text("Stand-in: counter, 0 %")
    page.get_by_text("Stand-in", exact=True).click()
    expect(page.locator("#stand-in button")).to_be_disabled()
    page.focus("#cancel")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Stand-in: cancelled. ", timeout=10_000)
    expect(page.locator("#status")).to_be_focused()
    expect(page.locator("#stand-in button")).to_be_enabled()


def test_field_is_pointed_out_when_a_run_is_refused(page: Page, served: str):
    open_stand_in(page, served)
    page.fill("#stand-in-codes", "900")
    start_stand_in(page)
    expect(page.locator("#stand-in-codes-error")).to_contain_text("<= 100")
    page.fill("#stand-in-codes", "1")
    for box in page.locator("#stand-in input[type=checkbox]").all():
        box.uncheck()
    start_stand_in(page)
    expect(page.locator("#stand-in-strategies-error")).not_to_be_empty()


@pytest.mark.parametrize("served", ["admin"], indirect=True)
def test_key_is_asked_for_when_it_is_no_demo_and_is_not_kept(page: Page, served: str):
    open_stand_in(page, served)
    start_stand_in(page)
    expect(page.locator("#key-error")).to_contain_text("An API key is needed")
    expect(page.locator("#key")).to_be_focused()
    page.fill("#key", KEY)
    start_stand_in(page)
    expect(page.locator("#status")).to_contain_text("finished", timeout=15_000)
    expect(page.frame_locator("#report").locator("h1")).to_have_text("Stand-in")
    page.reload()
    expect(page.locator("#key")).to_have_value("")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


@pytest.mark.parametrize(("name", "cell"), [("compare", "permuted"), ("clock", "10 s back")])
def test_demo_measures_for_real_when_asked(page: Page, demo: RunningDemo, name: str, cell: str):
    page.goto(f"{demo.url}/lab/keys")
    form = page.locator(f"#{name}")
    if not form.is_visible():
        page.get_by_text(EXPERIMENTS[name].title, exact=True).click()
    for box in form.locator("input[type=checkbox]").all():
        box.set_checked(checked=box.get_attribute("value") in {"counter", "permuted"})
    form.locator("button").click()
    expect(page.locator("#status")).to_contain_text("finished", timeout=90_000)
    expect(page.frame_locator("#report").locator("table").first).to_contain_text(cell)
    assert_fits(page)
