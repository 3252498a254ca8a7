"""The front page in a real browser."""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.running_demo import RunningDemo

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("browser"), "--no-seed")
    running.start()
    yield running
    assert running.stop() == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        assert "HOP_TEST_REQUIRE_BROWSER" not in os.environ, "Chromium is required here"
        pytest.skip("no Chromium on this machine: the pages are not tested")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, demo: RunningDemo) -> Iterator[Page]:
    """The front page on a phone; fails when a script fails or another host is asked."""
    opened = browser.new_page(viewport=PHONE)
    faults: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith(demo.url):
            faults.append(f"asked {request.url}")

    opened.on("request", watch)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(demo.url)
    yield opened
    opened.close()
    assert faults == []


def test_link_is_made_copied_and_its_count_moves_without_a_reload(page: Page, demo: RunningDemo):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("#url", "example.org/some/page")
    page.press("#url", "Enter")
    link = page.locator("#short-link")
    expect(link).to_have_text(re.compile(rf"^{re.escape(demo.url)}/[0-9A-Za-z]{{7}}$"))
    short_url = link.text_content()
    expect(page.locator("#result-target")).to_have_text("https://example.org/some/page")

    page.click("#copy-button")
    expect(page.locator("#copy-button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == short_url

    code = short_url.rpartition("/")[2]
    count = page.locator(f"li[data-code='{code}'] .count")
    expect(count).to_have_text("0")
    for _ in range(3):
        assert demo.get(code) == 302
    expect(count).to_have_text("3", timeout=5_000)


def test_alias_that_is_taken_is_pointed_out_and_nothing_typed_is_lost(
    page: Page, demo: RunningDemo
):
    demo.shorten(url="https://example.org/", alias="taken")
    page.fill("#url", "https://example.org/mine")
    page.click("#options summary")
    page.fill("#alias", "taken")
    page.click("#shorten-button")
    expect(page.locator("#alias-error")).to_contain_text("This alias is taken")
    expect(page.locator("#alias")).to_be_focused()
    expect(page.locator("#url")).to_have_value("https://example.org/mine")
    page.fill("#alias", "free-one")
    page.select_option("#ttl", index=1)
    page.click("#shorten-button")
    expect(page.locator("#short-link")).to_have_text(f"{demo.url}/free-one")


def test_list_survives_a_reload_and_fits_a_narrow_phone(page: Page):
    page.fill("#url", "https://example.org/" + "long" * 200)
    page.click("#shorten-button")
    expect(page.locator("#links li")).to_have_count(1)
    page.reload()
    expect(page.locator("#links li")).to_have_count(1)
    page.set_viewport_size({"width": 320, "height": 640})
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]


def test_unknown_code_shows_a_page_to_people(page: Page, demo: RunningDemo):
    answer = page.goto(f"{demo.url}/nothing-here")
    assert answer.status == 404
    expect(page.locator("h1")).to_contain_text("no such link")
