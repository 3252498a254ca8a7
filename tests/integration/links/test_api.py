"""The interface over HTTP: shorten, redirect, read, change, delete, count."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from flask import request

from app.factory import create_app
from app.process import WebProcess
from app.redirect import view
from app.settings import Settings
from keygen.base62 import ALPHABET
from tests.integration.conftest import ADMIN, Hop


def test_shorten_answers_201_with_a_code_that_redirects(hop: Hop):
    answer = hop.client.post("/shorten", json={"url": "HTTPS://Exämple.org:443/a/../b?q=ü#top"})
    assert answer.status_code == 201
    made = answer.json
    assert set(made) == {"short_code", "short_url", "url", "expires_at"}
    assert len(made["short_code"]) == 7
    assert set(made["short_code"]) <= set(ALPHABET)
    assert made["short_url"] == f"http://localhost/{made['short_code']}"
    assert made["expires_at"] is None

    redirect = hop.client.get(f"/{made['short_code']}")
    assert redirect.status_code == 302
    assert (
        redirect.headers["Location"] == made["url"] == "https://xn--exmple-cua.org/b?q=%C3%BC#top"
    )
    assert redirect.headers["Cache-Control"] == "private, max-age=0"
    assert redirect.data == b""


def test_address_of_a_visitor_is_believed_from_as_many_proxies_as_are_trusted(settings, hop: Hop):
    for trusted, believed in ((0, "127.0.0.1"), (1, "198.51.100.7")):
        changed = msgspec.structs.replace(settings, trusted_proxies=trusted)
        app = create_app(with_settings(hop, changed))
        app.add_url_rule("/test/address", view_func=lambda: request.remote_addr)
        forwarded = {"X-Forwarded-For": "192.0.2.99, 198.51.100.7"}
        assert app.test_client().get("/test/address", headers=forwarded).text == believed


def with_settings(hop: Hop, settings: Settings) -> WebProcess:
    return dataclasses.replace(hop.process, settings=settings)


def test_short_url_has_the_configured_base_when_there_is_one(settings, hop: Hop):
    changed = msgspec.structs.replace(settings, base_url="https://sho.rt/")
    client = create_app(with_settings(hop, changed)).test_client()
    made = client.post("/shorten", json={"url": "https://example.org", "alias": "mine"}).json
    assert made["short_url"] == "https://sho.rt/mine"
    assert client.post("/shorten", json={"url": "http://SHO.RT./x"}).status_code == 422


def test_short_url_repeats_the_host_as_it_was_sent(hop: Hop):
    headers = {"Host": "xn--bcher-kva.example:8080"}
    asked = {"url": "https://example.org", "alias": "mine"}
    made = hop.client.post("/shorten", json=asked, headers=headers).json
    assert made["short_url"] == "http://xn--bcher-kva.example:8080/mine"


BAD_HOSTS = ["", "a b", "x/y", "b\xfccher.example", "a@b", "[::1", "a.example,b.example", "x:99999"]


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_link_is_not_made_where_no_address_could_lead_to_it(settings, hop: Hop, host: str):
    asked = {"url": "https://example.org", "alias": "mine"}
    refused = hop.client.post("/shorten", json=asked, headers={"Host": host})
    assert refused.status_code == 400
    assert refused.json["type"].endswith("invalid-host")
    assert hop.client.get("/mine").status_code == 404
    based = with_settings(hop, msgspec.structs.replace(settings, base_url="https://sho.rt"))
    client = create_app(based).test_client()
    made = client.post("/shorten", json=asked, headers={"Host": host}).json
    assert made["short_url"] == "https://sho.rt/mine"


@pytest.mark.parametrize("host", ["hop_web:8102", "[::1]:8000", "EXAMPLE.org.", "192.0.2.1"])
def test_link_is_made_under_any_host_that_a_browser_can_reach(hop: Hop, host: str):
    made = hop.client.post("/shorten", json={"url": "https://a.example"}, headers={"Host": host})
    assert made.json["short_url"] == f"http://{host}/{made.json['short_code']}"
    loop = hop.client.post("/shorten", json={"url": f"http://{host}/x"}, headers={"Host": host})
    assert (loop.status_code, loop.json["field"]) == (422, "url")


def test_link_is_not_made_for_a_scheme_that_no_browser_follows(hop: Hop, settings: Settings):
    behind = with_settings(hop, msgspec.structs.replace(settings, trusted_proxies=1))
    client, asked = create_app(behind).test_client(), {"url": "https://a.example"}
    for scheme, status in (("https", 201), ("javascript", 400)):
        headers = {"X-Forwarded-Proto": scheme}
        assert client.post("/shorten", json=asked, headers=headers).status_code == status


def test_slash_after_a_code_changes_nothing(hop: Hop):
    code = hop.shorten()
    assert hop.client.get(f"/{code}/").location == hop.client.get(f"/{code}").location
    assert hop.clicks_once(code, 2) == 2
    assert hop.client.get(f"/{code}/more").status_code == 404


def test_get_of_shorten_is_told_which_method_to_use(hop: Hop):
    for path in ("/shorten", "/shorten/"):
        answer = hop.client.get("/shorten")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST"), path


def test_head_answers_like_get_and_is_not_counted(hop: Hop):
    code = hop.shorten()
    head, get = hop.client.head(f"/{code}"), hop.client.get(f"/{code}")
    assert head.status_code == get.status_code == 302
    skip = {"X-Request-ID"}
    assert [each for each in head.headers if each[0] not in skip] == [
        each for each in get.headers if each[0] not in skip
    ]
    assert hop.clicks_once(code, 1) == 1


def test_alias_is_given_out_once_and_is_case_sensitive(hop: Hop):
    assert hop.shorten(alias="Mine") == "Mine"
    assert hop.shorten(alias="mine") == "mine"
    answer = hop.client.post("/shorten", json={"url": "https://example.org", "alias": "Mine"})
    assert (answer.status_code, answer.json["field"]) == (409, "alias")


def test_link_answers_410_when_its_time_is_over(hop: Hop):
    code = hop.shorten(ttl=3600)
    assert hop.client.get(f"/{code}").status_code == 302
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    changed = hop.client.patch(f"/api/v1/links/{code}", json={"expires_at": past}, headers=ADMIN)
    assert changed.status_code == 200
    assert hop.client.get(f"/{code}").status_code == 410
    assert hop.clicks_once(code, 1) == 1  # the refused one is not a click


def test_expiry_is_checked_at_the_redirect_when_the_entry_was_cached_before(hop: Hop, monkeypatch):
    code = hop.shorten(ttl=60)
    assert hop.client.get(f"/{code}").status_code == 302
    hop.process.memory.clear(is_tracked=True)  # memory goes by another clock; see test_hot_path.py
    later = time.time() + 61
    monkeypatch.setattr(view.time, "time", lambda: later)
    assert hop.client.get(f"/{code}").status_code == 410


def test_link_answers_410_when_it_is_disabled_and_302_when_enabled_again(hop: Hop):
    code = hop.shorten()
    for enabled, status in ((False, 410), (True, 302)):
        hop.client.patch(f"/api/v1/links/{code}", json={"enabled": enabled}, headers=ADMIN)
        assert hop.client.get(f"/{code}").status_code == status


def test_patch_changes_only_what_it_names(hop: Hop):
    code = hop.shorten(ttl=3600)
    before = hop.client.get(f"/api/v1/links/{code}", headers=ADMIN).json
    after = hop.client.patch(
        f"/api/v1/links/{code}", json={"url": "http://example.org/new"}, headers=ADMIN
    ).json
    assert after == {**before, "url": "http://example.org/new"}
    assert hop.client.get(f"/{code}").headers["Location"] == "http://example.org/new"
    forever = hop.client.patch(f"/api/v1/links/{code}", json={"expires_at": None}, headers=ADMIN)
    assert forever.json["expires_at"] is None


def test_deleted_link_is_unknown_and_its_alias_stays_taken(hop: Hop):
    hop.shorten(alias="gone")
    assert hop.client.delete("/api/v1/links/gone", headers=ADMIN).status_code == 204
    assert hop.client.get("/gone").status_code == 404
    assert hop.client.get("/api/v1/links/gone", headers=ADMIN).status_code == 404
    assert hop.client.delete("/api/v1/links/gone", headers=ADMIN).status_code == 404
    again = hop.client.post("/shorten", json={"url": "https://example.org", "alias": "gone"})
    assert again.status_code == 409


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "x"}])
def test_api_answers_401_when_there_is_no_valid_key(hop: Hop, method: str, headers: dict):
    hop.shorten(alias="mine")
    for path in ("/api/v1/links/mine", "/api/v1/links/nothing"):
        answer = getattr(hop.client, method)(path, headers=headers)
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert hop.client.get("/mine").status_code == 302


def test_stats_tell_people_and_bots_apart(hop: Hop):
    code = hop.shorten()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
    for agent in [firefox] * 3 + ["curl/8.14.1", "Googlebot/2.1"]:
        headers = {"User-Agent": agent, "Referer": "https://ref.example/page?secret=1"}
        hop.client.get(f"/{code}", headers=headers)
    assert hop.clicks_once(code, 5) == 5
    stats = hop.client.get(f"/api/v1/links/{code}/stats", headers=ADMIN).json
    assert (stats["code"], stats["clicks"], stats["bots"]) == (code, 5, 2)
    assert stats["unique_visitors"] == 1
    assert stats["dimensions"]["referrer"] == [{"value": "ref.example", "clicks": 5}]
    for values in stats["dimensions"].values():
        assert sum(each["clicks"] for each in values) == 5
    assert sum(day["clicks"] for day in stats["days"]) == 5


def test_stats_are_zero_when_nobody_has_come(hop: Hop):
    stats = hop.client.get(f"/api/v1/links/{hop.shorten()}/stats", headers=ADMIN).json
    assert (stats["clicks"], stats["unique_visitors"], stats["bots"]) == (0, 0, 0)


def test_every_answer_says_how_long_it_may_be_kept(hop: Hop):
    code = hop.shorten()
    for path in ("/", "/healthz", "/readyz", "/nothing", f"/{code}", "/robots.txt", "/counts"):
        assert hop.client.get(path).headers["Cache-Control"]


def test_pages_allow_no_outside_host_and_answers_carry_the_request_id(hop: Hop):
    page = hop.client.get("/", headers={"X-Request-ID": "my-request-1"})
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["X-Request-ID"] == "my-request-1"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert hop.client.get("/", headers={"X-Request-ID": "a\tb"}).headers["X-Request-ID"] != "a\tb"
    assert "http://" not in page.text.replace("http://localhost", "")


def test_counts_answer_for_known_and_unknown_codes(hop: Hop):
    code = hop.shorten()
    hop.client.get(f"/{code}")
    assert hop.clicks_once(code, 1) == 1
    assert hop.client.get(f"/counts?codes={code},nothing,!").json == {code: 1}
    assert hop.client.get("/counts").json == {}
