"""guard.periodic: a job that fails is retried, and its thread goes on."""

import threading

import pytest
import redis

from app.process import TRANSIENT_ERRORS
from db.errors import DatabaseUnavailableError
from guard.backoff import backoff_s
from guard.periodic import MAX_PAUSE_S, Job, JobThread

FAULTS = [redis.ConnectionError(), DatabaseUnavailableError(), OSError(), ValueError("unknown")]


@pytest.mark.parametrize("failures", [1, 2, 3, 10, 5_000, 10**9])
def test_wait_doubles_up_to_its_bound_however_long_the_outage(failures: int):
    longest_s = min(0.1 * 2 ** min(failures, 100), 5.0)
    waits = [backoff_s(failures, 0.1, 5.0) for _ in range(200)]
    assert longest_s / 2 <= min(waits) < max(waits) <= longest_s


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_job_that_has_failed_for_hours_is_tried_again_and_then_on_time(fault: Exception):
    def fail() -> None:
        raise fault

    job = Job("test", 0.1, fail, failures=5_000)
    job.run(TRANSIENT_ERRORS)
    assert job.failures == 5_001
    job.do = lambda: None
    before = job.due_s
    job.run(TRANSIENT_ERRORS)
    assert job.failures == 0
    assert job.due_s <= before  # not after another long pause


def test_wait_of_a_rare_job_is_not_cut_short():
    job = Job("test", 10 * MAX_PAUSE_S, lambda: None)
    job.run(TRANSIENT_ERRORS)
    on_time = job.due_s
    job.failures = 5_000

    def fail() -> None:
        raise OSError

    job.do = fail
    job.run(TRANSIENT_ERRORS)
    assert job.due_s >= on_time - 5 * MAX_PAUSE_S


def test_other_jobs_go_on_when_one_fails():
    done = threading.Semaphore(0)

    def fail() -> None:
        raise ValueError("unknown")

    thread = JobThread(
        [Job("fails", 0.01, fail), Job("works", 0.01, done.release)], TRANSIENT_ERRORS
    )
    thread.start()
    for _ in range(3):
        assert done.acquire(timeout=10)
    thread.close()
