"""app.errors: what a client sees of each error."""

from app.errors import HopError, InvalidAliasError, InvalidFieldError, all_errors
from app.http.errors import FOREIGN
from db.errors import DatabaseUnavailableError
from keygen.errors import CodesUnavailableError


def test_every_error_has_a_slug_and_a_meaning_of_its_own():
    """A client switches on the type; /problems/<slug> explains it."""
    errors = list(all_errors())
    assert len(errors) > 15
    for what in ("slug", "title", "meaning"):
        assert len({getattr(error, what) for error in errors}) == len(errors), what


def test_special_error_has_the_status_of_the_general_one():
    assert InvalidAliasError.status == InvalidFieldError.status == 422


def test_client_is_told_to_come_back_when_a_server_is_away():
    for foreign in (DatabaseUnavailableError, CodesUnavailableError):
        assert (FOREIGN[foreign].status, FOREIGN[foreign].retry_after_s) == (503, 2)


def test_unknown_fault_is_a_500():
    assert HopError.status == 500
