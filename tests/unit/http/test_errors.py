"""app.http.errors: what a client sees of each error."""

import pytest
from flask import Flask

from app.errors import InvalidAliasError, InvalidFieldError, all_errors
from app.http import errors
from db.errors import DatabaseUnavailableError
from keygen.ranges import RangesUnavailableError


def answer_to(error: Exception):
    app = Flask("bare")
    errors.register(app)

    @app.get("/")
    def fail() -> None:
        raise error

    return app.test_client().get("/")


def test_every_error_has_a_slug_and_a_meaning_of_its_own():
    """A client switches on the type; /problems/<slug> explains it."""
    kinds = list(all_errors())
    assert len(kinds) > 15
    for what in ("slug", "title", "meaning"):
        assert len({getattr(kind, what) for kind in kinds}) == len(kinds), what


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_error_is_answered_with_its_status_and_type(kind):
    answer = answer_to(kind("Do this.", field="url"))
    assert answer.status_code == kind.status
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "Do this.",
        "field": "url",
    }
    assert answer.headers.get("Retry-After") == (
        str(kind.retry_after_s) if kind.retry_after_s else None
    )


def test_special_error_has_the_status_of_the_general_one():
    assert InvalidAliasError.status == InvalidFieldError.status == 422


@pytest.mark.parametrize("kind", [DatabaseUnavailableError, RangesUnavailableError])
def test_client_is_told_to_come_back_when_a_server_is_away(kind):
    answer = answer_to(kind("a secret address"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "secret" not in answer.text


def test_fault_that_nobody_knows_is_a_500_without_details():
    answer = answer_to(ZeroDivisionError("a secret"))
    assert (answer.status_code, answer.json["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
