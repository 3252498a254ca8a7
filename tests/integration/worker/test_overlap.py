"""Other work is done while Postgres works, and the answers are what they would be without."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.connect.overlap import meanwhile
from db.connect.pool import Connection


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with Connection.connect(database_url, autocommit=True) as made:
        yield made


class Steps:
    """So many, or no end of them."""

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0

    def __call__(self) -> bool:
        self.taken += 1
        return self.taken < self.most


def test_steps_are_taken_while_a_query_runs_and_none_after_the_last(connection: Connection):
    steps = Steps(5)
    with meanwhile(connection, steps):
        assert connection.execute("SELECT 7 FROM pg_sleep(0.05)").fetchone() == (7,)
        assert steps.taken == 5
        connection.execute("SELECT pg_sleep(0.05)")
    taken = steps.taken
    connection.execute("SELECT pg_sleep(0.05)")
    assert steps.taken == taken


def test_steps_end_when_the_answer_is_there(connection: Connection):
    steps = Steps(10**9)
    with meanwhile(connection, steps):
        connection.execute("SELECT pg_sleep(0.05)")
    assert 5 < steps.taken < 10**9


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.integers(0, 3_000), width=st.integers(1, 300), most=st.integers(1, 200))
def test_answers_and_copies_are_whole_however_they_are_interrupted(
    connection: Connection, rows: int, width: int, most: int
):
    lines = [f"{number}{'x' * width}" for number in range(rows)]
    with meanwhile(connection, Steps(most)), connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMPORARY TABLE copied (line text)")
        with connection.cursor().copy("COPY copied FROM STDIN") as copy:
            copy.write("".join(line + "\n" for line in lines))
        found = connection.execute("SELECT line FROM copied").fetchall()
    assert [line for (line,) in found] == lines


def test_errors_come_through_and_the_connection_goes_on(connection: Connection):
    with meanwhile(connection, Steps(10**9)):
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("most", [3, 10**9])
def test_wait_still_ends_at_the_deadline(connection: Connection, most: int):
    connection.deadline_s = 0.2
    with (
        meanwhile(connection, Steps(most)),
        pytest.raises(psycopg.OperationalError, match=r"no answer in 0.2 s"),
    ):
        connection.execute("SELECT pg_sleep(5)")
    assert connection.closed
