"""Bad requests: each gets a 4xx that says what to do, as a problem document."""

import json

import pytest

from tests.integration.conftest import ADMIN, Hop

JSON = {"Content-Type": "application/json"}
OK_URL = "https://example.org/"


@pytest.mark.parametrize(
    ("body", "headers", "status", "field"),
    [
        (b"", JSON, 400, None),
        (b"   ", JSON, 400, None),
        (b"{", JSON, 400, None),
        (b'{"url": "https://example.org/\xff"}', JSON, 400, None),
        (b'{"url": "https://example.org"} trailing', JSON, 400, None),
        (b'{"url": "https://example.org"}', {}, 415, None),
        (b"url=https://example.org", {"Content-Type": "text/plain"}, 415, None),
        (b"null", JSON, 422, None),
        (b"[]", JSON, 422, None),
        (b"{}", JSON, 422, "url"),
        (b'{"url": 7}', JSON, 422, "url"),
        (b'{"url": null}', JSON, 422, "url"),
        (json.dumps({"url": OK_URL, "color": 1}).encode(), JSON, 422, "color"),
        (json.dumps({"url": OK_URL, "ttl": "1"}).encode(), JSON, 422, "ttl"),
        (json.dumps({"url": OK_URL, "ttl": True}).encode(), JSON, 422, "ttl"),
        (json.dumps({"url": OK_URL, "ttl": 0}).encode(), JSON, 422, "ttl"),
        (json.dumps({"url": OK_URL, "ttl": 1e300}).encode(), JSON, 422, "ttl"),
        (json.dumps({"url": OK_URL, "ttl": 10**18}).encode(), JSON, 422, "ttl"),
        (json.dumps({"url": OK_URL, "alias": ""}).encode(), JSON, 422, "alias"),
        (json.dumps({"url": OK_URL, "alias": "a b"}).encode(), JSON, 422, "alias"),
        (json.dumps({"url": OK_URL, "alias": "Robots"}).encode(), JSON, 422, "alias"),
        (json.dumps({"url": OK_URL, "alias": "a\u0000b"}).encode(), JSON, 422, "alias"),
        (json.dumps({"url": "javascript:alert(1)"}).encode(), JSON, 422, "url"),
        (json.dumps({"url": "https://u:p@example.org"}).encode(), JSON, 422, "url"),
        (json.dumps({"url": "https://example.org/\u0000"}).encode(), JSON, 422, "url"),
        (json.dumps({"url": "https://example.org/" + "a" * 3000}).encode(), JSON, 422, "url"),
        (json.dumps({"url": "http://localhost/x"}).encode(), JSON, 422, "url"),
        (json.dumps({"url": "\ud800https://example.org/"}).encode(), JSON, 400, None),
        (b"[" * 100_000, JSON, 413, None),
    ],
)
def test_shorten_says_what_is_wrong(hop: Hop, body: bytes, headers, status: int, field: str | None):
    answer = hop.client.post("/shorten", data=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem.get("field") == field
    explained = hop.client.get(problem["type"])
    assert explained.status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),  # whose time?
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"enabled": "yes"}, "enabled"),
        ({"url": None}, "url"),
        ({"url": "ftp://example.org"}, "url"),
        ({"alias": "other"}, "alias"),
    ],
)
def test_patch_says_what_is_wrong(hop: Hop, body: dict, field: str):
    hop.shorten(alias="mine")
    answer = hop.client.patch("/api/v1/links/mine", json=body, headers=ADMIN)
    assert (answer.status_code, answer.json["field"]) == (422, field)


@pytest.mark.parametrize(
    "path", ["/nothing", "/a", "/with.dot", "/%00", "/" + "x" * 5000, "/a/b", "/%ff", "/zu-lang!"]
)
def test_unknown_paths_answer_404_as_a_page_to_people_and_json_to_programs(hop: Hop, path: str):
    program = hop.client.get(path)
    assert (program.status_code, program.content_type) == (404, "application/problem+json")
    person = hop.client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (person.status_code, person.mimetype) == (404, "text/html")


def test_api_never_answers_with_a_page(hop: Hop):
    for path in ("/api/v1/links/mine", "/api/v1/nothing", "/api/nothing"):
        answer = hop.client.get(path, headers={"Accept": "text/html"})
        assert answer.content_type == "application/problem+json"
    refused = hop.client.put("/shorten", json={})
    assert (refused.status_code, refused.content_type) == (405, "application/problem+json")
    assert "POST" in refused.headers["Allow"]


def test_answer_is_503_with_retry_after_when_postgres_is_away(hop: Hop):
    cached = hop.shorten()
    hop.process.pool.close()
    for answer in (
        hop.client.post("/shorten", json={"url": OK_URL, "alias": "mine"}),
        hop.client.get("/unknown1"),
        hop.client.get(f"/api/v1/links/{cached}", headers=ADMIN),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.content_type == "application/problem+json"
    assert hop.client.get(f"/{cached}").status_code == 302
    assert hop.client.get("/readyz").json["status"] == "degraded"


def test_mistake_of_ours_answers_500_without_its_details(hop: Hop, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(type(hop.process.reader), "resolve", fail)
    answer = hop.client.get("/anything")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "secret" not in answer.text
