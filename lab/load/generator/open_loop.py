"""Locust users that send requests when they are due, whether or not earlier ones were answered.

Locust's own users are a closed loop: each waits for its answer before it asks again. While the
server stalls they ask nothing, and a stall of a second that would have met 1,200 visitors is
recorded as one slow request for each user: "coordinated omission" (Gil Tene, "How NOT to Measure
Latency", 2013). Visitors of a short link do not wait for each other, so here each request has a
moment at which it is due, and its response time counts from that moment.
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

from lab.load.plan import arrival_times

MAX_IN_FLIGHT: Final = 2_000
TIMEOUT_S: Final = 10.0

# Of all users of this process together. When the pool is full, an arrival gives up and counts as an
# error: waiting for a place would close the loop again.
IN_FLIGHT: Final = gevent.pool.Pool(MAX_IN_FLIGHT)

# What is wrong with an answer, or None. An answer that never came has status_code 0.
Check = Callable[[Any], str | None]


class ArrivalStream(FastHttpUser):
    """Not one person but a stream of people: `--arrivals-per-user` requests a second."""

    abstract = True
    # A redirect is the answer, and its target is not ours to load. (Locust's allow_redirects=False
    # changes the shared client while a request lasts, which requests side by side do not survive.)
    max_redirects = 0
    # One pool of connections for all users, with a connection for each request in flight: a request
    # must never wait for a connection, because nobody would see that wait.
    client_pool = HTTPClientPool(
        concurrency=MAX_IN_FLIGHT, connection_timeout=TIMEOUT_S, network_timeout=TIMEOUT_S
    )
    kind: str  # what its requests are called in the figures
    began_s = 0.0  # when the warm-up was over, and when the test ends, by time.perf_counter()
    ends_s = math.inf

    def on_start(self) -> None:
        """Do without cookies: hop sets none, and to look for them takes time at each request."""
        self.client.client.cookiejar = None

    def visit(self, due_s: float) -> None:
        """Send the request that was due then."""
        raise NotImplementedError

    @task
    def arrive(self) -> None:
        """Send requests by the clock until the test ends or Locust stops this user."""
        options: Any = self.environment.parsed_options
        chance = random.Random()
        for due_s in arrival_times(
            time.perf_counter(), options.arrivals_per_user, options.spacing, chance
        ):
            if due_s >= self.ends_s:  # Locust looks at the clock once a second only
                raise StopUser
            gevent.sleep(max(0.0, due_s - time.perf_counter()))
            if IN_FLIGHT.full():
                self._give_up(due_s)
            else:
                IN_FLIGHT.spawn(self.visit, due_s)

    def ask(self, due_s: float, method: str, path: str, check: Check, **more: Any) -> None:
        """Send a request and report it, with the response time counted from when it was due."""
        start_delay_ms = (time.perf_counter() - due_s) * 1_000
        context = {"due_s": due_s, "start_delay_ms": start_delay_ms}
        with self.client.request(
            method, path, name=self.kind, catch_response=True, context=context, **more
        ) as answer:
            answer.request_meta["response_time"] += start_delay_ms
            error = check(answer) if answer.status_code else describe_silence(answer)
            if error is None:
                answer.success()
            else:
                answer.failure(error)

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
    """The test begins now: everything that it needs is prepared."""
    now_s, options = time.perf_counter(), environment.parsed_options
    ArrivalStream.began_s = now_s + options.warm_up
    ArrivalStream.ends_s = now_s + (options.run_time or math.inf)
    if environment.shape_class is not None:  # on Locust's page one may choose to have none
        environment.shape_class.reset_time()


def describe_silence(answer: Any) -> str:
    """Why there is no answer, by the kind of the fault."""
    return f"no answer: {type(answer.error).__name__}"


def expect(*statuses: int) -> Check:
    """A check for an answer's status."""

    def check(answer: Any) -> str | None:
        return None if answer.status_code in statuses else f"status {answer.status_code}"

    return check


def expect_redirect(status: int, target_url: str) -> Check:
    """A check for a redirect to exactly this address."""

    def check(answer: Any) -> str | None:
        if answer.status_code != status:
            return f"status {answer.status_code}"
        return None if answer.headers.get("location") == target_url else "wrong Location"

    return check
