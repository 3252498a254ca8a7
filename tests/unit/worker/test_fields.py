"""analytics_worker.fields: what the headers of a click say."""

import pytest

from analytics_worker.fields import (
    Agent,
    read_country,
    read_language,
    read_referrer,
    read_user_agent,
)

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
GOOGLEBOT = "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
FIREFOX = "rv:144.0) Gecko/20100101 Firefox/144.0"

PEOPLE = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36": (
        Agent("Chrome", "Windows", "desktop", is_bot=False)
    ),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36": (
        Agent("Chrome", "Chrome OS", "desktop", is_bot=False)
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36": (
        Agent("Chrome Mobile", "Android", "mobile", is_bot=False)
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Safari/537.36": (
        Agent("Chrome", "Android", "tablet", is_bot=False)
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1": (
        Agent("Mobile Safari", "iOS", "mobile", is_bot=False)
    ),
    f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1": (
        Agent("Mobile Safari", "iOS", "tablet", is_bot=False)
    ),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15": (
        Agent("Safari", "Mac OS X", "desktop", is_bot=False)
    ),
    f"Mozilla/5.0 (X11; Linux x86_64; {FIREFOX}": (
        Agent("Firefox", "Linux", "desktop", is_bot=False)
    ),
    f"Mozilla/5.0 (Android 15; Mobile; {FIREFOX}": (
        Agent("Firefox Mobile", "Android", "mobile", is_bot=False)
    ),
}


@pytest.mark.parametrize("header", PEOPLE)
def test_browser_system_and_device_are_read_when_a_person_clicks(header):
    assert read_user_agent(header) == PEOPLE[header]


def test_device_is_a_desktop_when_the_system_is_a_linux_by_name():
    assert read_user_agent(f"Mozilla/5.0 (X11; Debian; Linux x86_64; {FIREFOX}").device == "desktop"


@pytest.mark.parametrize(
    ("header", "browser"),
    [
        (f"Mozilla/5.0 {GOOGLEBOT}", "Googlebot"),
        (f"Mozilla/5.0 (Linux; Android 6.0.1) {CHROME} Mobile Safari {GOOGLEBOT}", "Googlebot"),
        ("curl/8.14.1", "curl"),
        ("python-requests/2.32.3", "Python Requests"),
        ("", "unknown"),
    ],
)
def test_header_is_that_of_a_bot_when_a_machine_sends_it(header, browser):
    agent = read_user_agent(header)
    assert agent.is_bot
    assert agent.browser == browser


def test_header_is_read_when_it_makes_no_sense():
    assert read_user_agent("\0\x01 ÿ" * 80).device == "unknown"


@pytest.mark.parametrize(
    ("host", "value"),
    [
        ("news.example", "news.example"),
        ("", "direct"),
        ("\0", "direct"),
        ("a\0b\x1b.example", "ab.example"),
        ("a" * 200, "a" * 100),
        ("ü.example", "ü.example"),
    ],
)
def test_referrer_is_a_host_that_can_be_stored(host, value):
    assert read_referrer(host) == value


@pytest.mark.parametrize(
    ("header", "language"),
    [("de-AT,en;q=0.5", "de"), ("EN", "en"), ("gsw", "gsw"), ("*", "unknown"), ("", "unknown")],
)
def test_language_is_the_first_one_without_its_region(header, language):
    assert read_language(header) == language


@pytest.mark.parametrize(("country", "value"), [("CH", "CH"), ("", "unknown")])
def test_country_is_unknown_when_nobody_knows_it(country, value):
    assert read_country(country) == value
