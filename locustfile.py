"""A load test of hop, for Locust.

    hop demo                                         # in one terminal
    locust --host http://127.0.0.1:8000              # in another; then open http://127.0.0.1:8089
    locust --headless --host http://127.0.0.1:8000 -u 132 -t 60s --traffic regional

One Locust user is a stream of visitors: 10 requests per second (--arrivals-per-user), each sent
when it is due, whether or not earlier ones are answered (lab/load/generator/open_loop.py says why).
So 132 users of the profile "regional" are 1,200 redirects and 120 shortens per second. `hop load`
runs this file as well, and adds a verdict and a report.
"""

import itertools
import random
import string
from collections.abc import Callable
from typing import Any

from locust import LoadTestShape, User, events

from lab.load.generator import recording
from lab.load.generator.links import Link, create_links, load_links
from lab.load.generator.open_loop import ArrivalStream, begin, expect, expect_redirect
from lab.load.generator.zipf import ZipfRanks
from lab.load.plan import user_weights

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Visitor(ArrivalStream):
    """Follows links by Zipf's law: a few very often, most of them rarely."""

    kind = "redirect"
    links: list[Link]
    ranks: ZipfRanks

    def visit(self, due_s: float) -> None:
        self.follow(due_s, self.links[self.ranks.draw(random)])

    def follow(self, due_s: float, link: Link) -> None:
        """A redirect to another target than the link's is an error, however fast."""
        check = expect_redirect(self.environment.parsed_options.redirect_status, link.target_url)
        self.send(due_s, "GET", f"/{link.code}", check)


class Crowd(Visitor):
    """Follows one link that has gone viral: sharding does not help, process memory does."""

    kind = "redirect viral"

    def visit(self, due_s: float) -> None:
        self.follow(due_s, self.links[0])


class FirstVisitor(Visitor):
    """Follows each link once, so that no web process has it in memory."""

    kind = "redirect cold"
    cold: "itertools.cycle[Link]"

    def visit(self, due_s: float) -> None:
        self.follow(due_s, next(self.cold))


class Scanner(ArrivalStream):
    """Guesses codes. 404 and 429 are the right responses."""

    kind = "unknown code"

    def visit(self, due_s: float) -> None:
        code = "".join(random.choices(BASE62, k=7))
        self.send(due_s, "GET", f"/{code}", expect(404, 429))


class Author(ArrivalStream):
    """Creates a link for every --reads-per-write redirects."""

    kind = "shorten"

    def visit(self, due_s: float) -> None:
        body = {"url": f"https://example.org/load/new/{random.getrandbits(64):x}"}
        self.send(due_s, "POST", "/shorten", expect(201), json=body)


STREAMS: list[type[User]] = [Visitor, Crowd, FirstVisitor, Scanner, Author]
recording.register()


@events.test_start.add_listener
def prepare(environment: Any, **_: Any) -> None:
    """Load the links from a file or create them, then start the clock."""
    options = environment.parsed_options
    if options.prepared:
        links = load_links(options.prepared)
    else:
        links = create_links(environment.host.rstrip("/"), options.links)
    Visitor.links = links.hot or links.cold
    Visitor.ranks = ZipfRanks(len(Visitor.links), options.zipf_exponent)
    FirstVisitor.cold = itertools.cycle(links.cold or links.hot)
    begin(environment)


def steady(_progress: float) -> float:
    """All users all the time."""
    return 1.0


def ramp(progress: float) -> float:
    """From no users to all: where do response times rise?"""
    return progress


def spike(progress: float) -> float:
    """A tenth, then all for a fifth of the time, then a tenth: does hop recover?"""
    return 1.0 if 0.4 <= progress < 0.6 else 0.1


SHAPES: dict[str, Callable[[float], float]] = {"steady": steady, "ramp": ramp, "spike": spike}


class Arrivals(LoadTestShape):
    """Number of users by --shape, at most -u, for the time -t; their classes by --traffic."""

    use_common_options = True

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        options: Any = self.runner.environment.parsed_options
        duration_s = options.run_time or 60
        progress = self.get_run_time() / duration_s
        if options.run_time and progress >= 1:
            return None
        most = options.num_users or 1
        users = max(1, round(most * SHAPES[options.shape](min(progress, 1.0))))
        weights = user_weights(options.traffic, options.reads_per_write)
        classes = [each for each in STREAMS if each.__name__ in weights]
        for each in classes:
            each.weight = weights[each.__name__]
        return users, most, classes
