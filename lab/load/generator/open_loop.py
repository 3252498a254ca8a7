"""Locust users that send each request when it is due, whether or not earlier ones are answered.

A plain Locust user is a closed loop: it waits for each response before it sends again. While the
server stalls, it sends nothing, so a stall of one second that 1,200 visitors would have met counts
as one slow request per user: "coordinated omission" (Gil Tene, "How NOT to Measure Latency",
2013). Visitors of a short link do not wait for each other. Here each request has a due time, and
its response time counts from then.
"""

import math
import random
import time
from collections.abc import Callable
from typing import Any, Final

import gevent
import gevent.pool
from geventhttpclient.client import HTTPClientPool
from locust import FastHttpUser, task
from locust.exception import CatchResponseError, StopUser

from lab.load.generator.arrivals import arrival_times

MAX_IN_FLIGHT: Final = 2_000
TIMEOUT_S: Final = 10.0

# Requests of all users. When the pool is full, a due request is dropped and counts as an error:
# waiting for a place would close the loop again.
IN_FLIGHT: Final = gevent.pool.Pool(MAX_IN_FLIGHT)

# Says what is wrong with a response, or None.
Check = Callable[[Any], str | None]


class ArrivalStream(FastHttpUser):
    """A stream of visitors rather than one: `--arrivals-per-user` requests per second."""

    abstract = True
    # Redirects are not followed. (Locust's allow_redirects=False changes the shared client during
    # a request, which breaks concurrent ones.)
    max_redirects = 0
    # One connection per request in flight, shared by all users: a request never waits for a
    # connection, as that wait would be in no measurement.
    client_pool = HTTPClientPool(
        concurrency=MAX_IN_FLIGHT, connection_timeout=TIMEOUT_S, network_timeout=TIMEOUT_S
    )
    kind: str  # of its requests, in the samples
    began_s = 0.0  # end of the warm-up, by time.perf_counter()
    ends_s = math.inf  # end of the test

    def on_start(self) -> None:
        """Switch cookies off: hop sets none, and looking for them costs time."""
        self.client.client.cookiejar = None

    def visit(self, due_s: float) -> None:
        """Send the request that is due at `due_s`."""
        raise NotImplementedError

    @task
    def arrive(self) -> None:
        """Send requests by the clock until the test ends or Locust stops this user."""
        options: Any = self.environment.parsed_options
        for due_s in arrival_times(
            time.perf_counter(), options.arrivals_per_user, options.spacing, random.Random()
        ):
            if due_s >= self.ends_s:  # Locust itself checks the time only once a second
                raise StopUser
            gevent.sleep(max(0.0, due_s - time.perf_counter()))
            if IN_FLIGHT.full():
                self._give_up(due_s)
            else:
                IN_FLIGHT.spawn(self.visit, due_s)

    def send(self, due_s: float, method: str, path: str, check: Check, **options: Any) -> None:
        """Send a request and report it, with the response time counted from `due_s`."""
        start_delay_ms = (time.perf_counter() - due_s) * 1_000
        context = {"due_s": due_s, "start_delay_ms": start_delay_ms}
        with self.client.request(
            method, path, name=self.kind, catch_response=True, context=context, **options
        ) as response:
            response.request_meta["response_time"] += start_delay_ms
            if response.status_code:
                error = check(response)
            else:
                error = f"no answer: {type(response.error).__name__}"
            if error is None:
                response.success()
            else:
                response.failure(error)

    def _give_up(self, due_s: float) -> None:
        late_ms = (time.perf_counter() - due_s) * 1_000
        self.environment.events.request.fire(
            request_type="GAVE UP",
            name=self.kind,
            response_time=late_ms,
            response_length=0,
            exception=CatchResponseError("gave up: too many in flight"),
            context={"due_s": due_s, "start_delay_ms": late_ms},
        )


def begin(environment: Any) -> None:
    """Start the clock of the test."""
    now_s, options = time.perf_counter(), environment.parsed_options
    ArrivalStream.began_s = now_s + options.warm_up
    ArrivalStream.ends_s = now_s + (options.run_time or math.inf)
    if environment.shape_class is not None:  # Locust's web page allows none
        environment.shape_class.reset_time()


def expect(*statuses: int) -> Check:
    """A check of the status."""

    def check(response: Any) -> str | None:
        return None if response.status_code in statuses else f"status {response.status_code}"

    return check


def expect_redirect(status: int, target_url: str) -> Check:
    """A check for a redirect to exactly this URL."""

    def check(response: Any) -> str | None:
        if response.status_code != status:
            return f"status {response.status_code}"
        return None if response.headers.get("location") == target_url else "wrong Location"

    return check
