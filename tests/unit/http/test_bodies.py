"""app.http.bodies: what is wrong with a request, and where."""

import json
from datetime import datetime

import pytest
from flask import Flask

from app.errors import InvalidFieldError, MalformedBodyError, UnsupportedMediaTypeError
from app.http.api.links import LinkPatch
from app.http.api.shorten import MAX_TTL_S, ShortenAnswer, ShortenRequest
from app.http.bodies import answer, read_body

JSON = "application/json"


def read(body: str | bytes, kind: type = ShortenRequest, content_type: str | None = JSON):
    with Flask(__name__).test_request_context(
        "/", method="POST", data=body, content_type=content_type
    ):
        return read_body(kind)


def test_body_is_read_when_it_is_as_it_should_be():
    asked = read(json.dumps({"url": "https://example.com/", "ttl": MAX_TTL_S}))
    assert asked == ShortenRequest("https://example.com/", None, MAX_TTL_S)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"url": 5}', "url"),
        ('{"url": null}', "url"),
        ("{}", "url"),
        ('{"url": "x", "colour": "red"}', "colour"),
        ('{"url": "x", "alias": ["a"]}', "alias"),
        ('{"url": "x", "ttl": 0}', "ttl"),
        ('{"url": "x", "ttl": -1}', "ttl"),
        ('{"url": "x", "ttl": 1.5}', "ttl"),
        ('{"url": "x", "ttl": "60"}', "ttl"),
        ('{"url": "x", "ttl": true}', "ttl"),
        (f'{{"url": "x", "ttl": {MAX_TTL_S + 1}}}', "ttl"),
        (f'{{"url": "x", "ttl": {"9" * 400}}}', "ttl"),
        ("[]", None),
        ('"https://example.com/"', None),
        ("null", None),
    ],
)
def test_field_at_fault_is_named(body, field):
    with pytest.raises(InvalidFieldError) as raised:
        read(body)
    assert raised.value.field == field
    # For people: no path notation, no back quotes.
    assert not set("$`") & set(raised.value.detail)


@pytest.mark.parametrize("end", ['"tomorrow"', '"2030-01-01T00:00:00"', "1893456000"])
def test_time_is_refused_when_it_is_not_one_moment(end):
    with pytest.raises(InvalidFieldError) as raised:
        read(f'{{"expires_at": {end}}}', LinkPatch)
    assert raised.value.field == "expires_at"


@pytest.mark.parametrize(
    "body", ["", "  \n", "{", "{'url': 1}", b'{"url": "\xff"}', '{"url": "x"} {}']
)
def test_body_is_malformed_when_it_is_not_json(body):
    with pytest.raises(MalformedBodyError):
        read(body)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_body_is_refused_when_it_is_not_declared_as_json(content_type):
    with pytest.raises(UnsupportedMediaTypeError):
        read('{"url": "x"}', content_type=content_type)


def test_answer_is_json_with_its_status():
    response = answer(ShortenAnswer("abc", "http://h/abc", "x", datetime(2024, 2, 29)), 201)  # noqa: DTZ001
    assert (response.status_code, response.content_type) == (201, JSON)
    assert response.get_json()["expires_at"] == "2024-02-29T00:00:00"
