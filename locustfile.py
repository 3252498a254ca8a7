"""A load test of hop, for Locust.

    hop demo                                         # in one terminal
    locust --host http://127.0.0.1:8000              # in another; then open http://127.0.0.1:8089
    locust --headless --host http://127.0.0.1:8000 -u 132 -t 60s --traffic regional

One user here is not one person. It is a stream of people: 10 requests a second unless
--arrivals-per-user says otherwise, each sent when it is due, answered or not
(lab/load/generator/open_loop.py says why that matters). So 132 users of the traffic "regional" are
1,200 redirects and 120 shortens a second. `hop load` runs this file, too, and adds a verdict and a report.
"""

import itertools
import random
import string
from collections.abc import Callable
from typing import Any

from locust import LoadTestShape, User, events

from lab.load.generator import links as prepared
from lab.load.generator.open_loop import ArrivalStream, begin, expect, expect_redirect
from lab.load.generator.recording import add_options
from lab.load.generator.zipf import ZipfRanks
from lab.load.plan import user_weights

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Visitor(ArrivalStream):
    """Follows links by Zipf's law: some all the time, most of them hardly ever."""

    kind = "redirect"
    links: list[prepared.Link]
    ranks: ZipfRanks

    def visit(self, due_s: float) -> None:
        self.follow(due_s, self.links[self.ranks.draw(random)])

    def follow(self, due_s: float, link: prepared.Link) -> None:
        """A redirect to anywhere else than the link's target is an error, however fast."""
        right = expect_redirect(self.environment.parsed_options.redirect_status, link.target_url)
        self.ask(due_s, "GET", f"/{link.code}", right)


class Crowd(Visitor):
    """One link has gone viral. One key gets everything: sharding would not help, memory does."""

    kind = "redirect viral"

    def visit(self, due_s: float) -> None:
        self.follow(due_s, self.links[0])


class FirstVisitor(Visitor):
    """Asks for each link once, so that no web process has it in memory."""

    kind = "redirect cold"
    cold: "itertools.cycle[prepared.Link]"

    def visit(self, due_s: float) -> None:
        self.follow(due_s, next(self.cold))


class Scanner(ArrivalStream):
    """Guesses codes. "No such link" and "slow down" are the right answers."""

    kind = "unknown code"

    def visit(self, due_s: float) -> None:
        code = "".join(random.choices(BASE62, k=7))
        self.ask(due_s, "GET", f"/{code}", expect(404, 429))


class Author(ArrivalStream):
    """Makes links: one for every --reads-per-write redirects."""

    kind = "shorten"

    def visit(self, due_s: float) -> None:
        body = {"url": f"https://example.org/load/new/{random.getrandbits(64):x}"}
        self.ask(due_s, "POST", "/shorten", expect(201), json=body)


@events.test_start.add_listener
def prepare(environment: Any, **_: Any) -> None:
    """Redirects need links: those of a file, or new ones."""
    options = environment.parsed_options
    if options.prepared:
        found = prepared.load(options.prepared)
    else:
        found = prepared.make_links(environment.host.rstrip("/"), options.links)
    Visitor.links = found.hot or found.cold
    Visitor.ranks = ZipfRanks(len(Visitor.links), options.zipf_exponent)
    FirstVisitor.cold = itertools.cycle(found.cold or found.hot)
    begin(environment)


def steady(_progress: float) -> float:
    """All users from beginning to end."""
    return 1.0


def ramp(progress: float) -> float:
    """More and more: where does it begin to hurt?"""
    return progress


def spike(progress: float) -> float:
    """A tenth, then all at once for a fifth of the time, then a tenth: does it recover?"""
    return 1.0 if 0.4 <= progress < 0.6 else 0.1


SHAPES: dict[str, Callable[[float], float]] = {"steady": steady, "ramp": ramp, "spike": spike}


class Arrivals(LoadTestShape):
    """Users by --shape, their classes by --traffic; at most -u of them, for as long as -t says."""

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


STREAMS: list[type[User]] = [Visitor, Crowd, FirstVisitor, Scanner, Author]
