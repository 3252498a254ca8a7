"""Locust's command-line options for locustfile.py, and the file of samples."""

from pathlib import Path
from typing import IO, Any, Final

import gevent
import locust
import msgspec

from lab.load.generator.open_loop import IN_FLIGHT, TIMEOUT_S, ArrivalStream
from lab.load.plan import PROFILES, LoadPlan
from lab.load.samples import Sample

_FLUSH_EVERY_S: Final = 0.25
_DEFAULTS = LoadPlan()
_events: Any = locust.events  # Locust has no types for them


def register() -> None:
    """Add the options, and record samples during each test."""
    _events.init_command_line_parser.add_listener(_add_options)
    _events.test_start.add_listener(_record_samples)
    _events.test_stop.add_listener(_wait_for_requests)


def _add_options(parser: Any) -> None:
    """Locust's web page shows these as fields, too."""
    add = parser.add_argument
    add("--traffic", choices=PROFILES, default="mixed", help="Profile of requests")
    add("--arrivals-per-user", type=float, default=10.0, help="Requests per second of each user")
    add("--spacing", choices=("poisson", "even"), default=_DEFAULTS.spacing, help="Of arrivals")
    add("--shape", choices=("steady", "ramp", "spike"), default="steady", help="Users over time")
    add(
        "--reads-per-write",
        type=int,
        default=_DEFAULTS.reads_per_write,
        help="Redirects per shorten",
    )
    add("--links", type=int, default=1_000, help="Links to create before the test")
    add("--zipf-exponent", type=float, default=_DEFAULTS.zipf_exponent, help="0: all links alike")
    add("--redirect-status", type=int, default=_DEFAULTS.redirect_status, help="Expected status")
    add("--warm-up", type=float, default=0.0, help="First seconds, of which no sample is written")
    add("--prepared", type=Path, include_in_web_ui=False, help="File of existing links to use")
    add("--samples", type=Path, include_in_web_ui=False, help="File to write samples to")


def _record_samples(environment: Any, **_: Any) -> None:
    path = environment.parsed_options.samples
    if path is None:
        return
    file = path.open("wb")
    encode = msgspec.json.Encoder().encode
    flushing = gevent.spawn(_flush_forever, file)

    def record(
        name: str, response_time: float, exception: object, context: Any, **more: Any
    ) -> None:
        due_s = context["due_s"] - ArrivalStream.began_s
        if due_s < 0:
            return  # warm-up
        response = more.get("response")
        sample = Sample(
            kind=name,
            due_s=round(due_s, 6),
            start_delay_ms=round(context["start_delay_ms"], 3),
            response_ms=round(response_time, 3),
            status=response.status_code if response is not None else 0,
            error=str(exception) if exception else "",
        )
        file.write(encode(sample) + b"\n")

    def end(**_: Any) -> None:  # after _wait_for_requests, which is registered before it
        flushing.kill()
        environment.events.request.remove_listener(record)
        environment.events.test_stop.remove_listener(end)
        file.close()

    environment.events.request.add_listener(record)
    environment.events.test_stop.add_listener(end)


def _flush_forever(file: IO[bytes]) -> None:
    """Keep the file up to date for its reader."""
    while True:
        gevent.sleep(_FLUSH_EVERY_S)
        file.flush()


def _wait_for_requests(**_: Any) -> None:
    """Requests that were sent before the end count, however late their response."""
    IN_FLIGHT.join(TIMEOUT_S + 1)
    IN_FLIGHT.kill()
