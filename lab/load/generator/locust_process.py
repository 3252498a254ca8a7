"""Locust in a process of its own: gevent patches the standard library, and shall not patch ours."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psutil

from lab.load.plan import Plan
from lab.load.samples import Sample, SampleReader

LOCUSTFILE: Final = Path(__file__).parents[3] / "locustfile.py"
_STOP_WITHIN_S: Final = 15.0
_TOLD: Final = 2_000  # characters of what a failed Locust has said


class GeneratorError(Exception):
    """Locust could not be run."""


@dataclass(slots=True)
class Generator:
    """A running Locust. `stop` must be called, whatever happens."""

    process: subprocess.Popen[bytes]
    reader: SampleReader
    log: IO[bytes]
    cpu_s: float = 0.0  # used since `start`, as of the last poll
    _own: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        self._own = psutil.Process(self.process.pid)

    def poll(self) -> tuple[list[Sample], bool]:
        """New samples, and whether Locust still runs; of a Locust that does not, all the rest."""
        running = self.process.poll() is None
        if running:
            times = self._own.cpu_times()
            self.cpu_s = times.user + times.system
        return self.reader.read_new(), running

    def describe_failure(self) -> str:
        """The end of what it has printed."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-_TOLD:].strip()

    def stop(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def start_generator(plan: Plan, hop_url: str, prepared: Path, directory: Path) -> Generator:
    """Start Locust headless.

    Args:
        plan: what to send.
        hop_url: where to.
        prepared: the links, as `lab.load.generator.links.save` wrote them.
        directory: for files that nobody needs afterwards.

    Raises:
        GeneratorError: locustfile.py is not there.
    """
    if not LOCUSTFILE.exists():
        raise GeneratorError(f"{LOCUSTFILE.name} is not here: a load test needs a checkout of hop")
    samples = directory / "samples.jsonl"
    log = (directory / "locust.log").open("w+b")
    process = subprocess.Popen(
        [*(sys.executable, "-m", "locust"), *_arguments(plan, hop_url, prepared, samples)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "HOP_API_KEY"},
    )
    return Generator(process, SampleReader(samples), log)


def _arguments(plan: Plan, hop_url: str, prepared: Path, samples: Path) -> list[str]:
    options = {
        "locustfile": LOCUSTFILE,
        "host": hop_url,
        "users": plan.users,
        "run-time": f"{plan.warm_up_s + plan.duration_s}s",
        "warm-up": plan.warm_up_s,
        "traffic": plan.profile,
        "arrivals-per-user": plan.arrivals_per_user,
        "spacing": plan.spacing,
        "reads-per-write": plan.reads_per_write,
        "zipf-exponent": plan.zipf_exponent,
        "redirect-status": plan.redirect_status,
        "prepared": prepared,
        "samples": samples,
        # Failed requests are ours to judge; any other status than 0 is a fault of Locust itself.
        "exit-code-on-error": 0,
    }
    pairs = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return ["--headless", "--only-summary", *pairs]
