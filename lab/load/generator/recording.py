"""What locustfile.py does before and after a run: its options, and a file of samples."""

from pathlib import Path
from typing import IO, Any, Final

import gevent
import msgspec
from locust import events

from lab.load.generator.open_loop import IN_FLIGHT, TIMEOUT_S, ArrivalStream
from lab.load.plan import PROFILES, Plan
from lab.load.samples import Sample

_FLUSH_EVERY_S: Final = 0.25
_DEFAULTS = Plan()


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    """Options of the command line; Locust's web page shows them as fields, too."""
    add = parser.add_argument
    add("--traffic", choices=PROFILES, default="mixed", help="Which kinds of requests")
    add("--arrivals-per-user", type=float, default=10.0, help="Requests a second of each user")
    add("--spacing", choices=("poisson", "even"), default=_DEFAULTS.spacing, help="Of arrivals")
    add("--shape", choices=("steady", "ramp", "spike"), default="steady", help="Users over time")
    add(
        "--reads-per-write",
        type=int,
        default=_DEFAULTS.reads_per_write,
        help="Redirects for each shorten",
    )
    add("--links", type=int, default=1_000, help="Links to make before the test")
    add("--zipf-exponent", type=float, default=_DEFAULTS.zipf_exponent, help="0 is evenly")
    add("--redirect-status", type=int, default=_DEFAULTS.redirect_status, help="That is right")
    add("--warm-up", type=float, default=0.0, help="Seconds at first of which no sample is written")
    add("--prepared", type=Path, include_in_web_ui=False, help="Links made before, as a file")
    add("--samples", type=Path, include_in_web_ui=False, help="Write a line for each request there")


class Recorder:
    """Writes samples while a test runs."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._encode = msgspec.json.Encoder().encode

    def record(
        self,
        name: str,
        response_time: float,
        exception: Exception | None,
        context: Any,
        **more: Any,
    ) -> None:
        """Locust's event `request`."""
        if context["due_s"] < ArrivalStream.began_s:
            return  # the warm-up
        response = more.get("response")
        sample = Sample(
            name,
            round(context["due_s"] - ArrivalStream.began_s, 6),
            round(context["start_delay_ms"], 3),
            round(response_time, 3),
            response.status_code if response is not None else 0,
            str(exception) if exception else "",
        )
        self._file.write(self._encode(sample) + b"\n")

    def flush(self) -> None:
        """Show readers what there is, again and again."""
        while True:
            gevent.sleep(_FLUSH_EVERY_S)
            self._file.flush()


@events.test_start.add_listener
def record_samples(environment: Any, **_: Any) -> None:
    """Open the file of samples, when there is to be one."""
    path = environment.parsed_options.samples
    if path is None:
        return
    file = path.open("wb")
    recorder = Recorder(file)
    flushing = gevent.spawn(recorder.flush)
    environment.events.request.add_listener(recorder.record)

    def end(**_: Any) -> None:
        wait_for_the_last()
        flushing.kill()
        environment.events.request.remove_listener(recorder.record)
        environment.events.test_stop.remove_listener(end)
        file.close()

    environment.events.test_stop.add_listener(end)


@events.test_stop.add_listener
def wait_for_the_last(**_: Any) -> None:
    """What was sent before the end counts, however late it is answered."""
    IN_FLIGHT.join(TIMEOUT_S + 1)
    IN_FLIGHT.kill()
