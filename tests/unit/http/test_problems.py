"""app.http.problems: one entry for each kind of error."""

from collections.abc import Iterator

import pytest

from app.errors import HopError, InvalidAliasError, InvalidFieldError
from app.http.problems import PROBLEMS, find_problem
from db.errors import DatabaseUnavailableError
from keygen.ranges import RangesUnavailableError


def below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def test_every_error_of_ours_has_a_problem_of_its_own():
    kinds = set(below(HopError))
    assert kinds <= set(PROBLEMS)
    slugs = [find_problem(kind("why")).slug for kind in kinds]
    assert len(set(slugs)) == len(slugs)


def test_slug_has_one_meaning():
    """A client switches on the type; /problems/<slug> explains it."""
    problems = set(PROBLEMS.values())
    assert len({problem.slug for problem in problems}) == len(problems)


def test_problem_is_that_of_the_most_special_class():
    class StrangeAliasError(InvalidAliasError):
        """Defined here, without an entry."""

    assert find_problem(StrangeAliasError("why")).slug == "invalid-alias"
    assert find_problem(InvalidFieldError("why")).slug == "invalid-field"


@pytest.mark.parametrize("kind", [DatabaseUnavailableError, RangesUnavailableError])
def test_client_is_told_to_come_back_when_a_part_is_away(kind):
    problem = find_problem(kind("why"))
    assert (problem.status, problem.retry_after_s) == (503, 2)


def test_fault_of_ours_is_a_500_when_nobody_knows_it():
    assert find_problem(ZeroDivisionError()).status == 500
