"""Runs Locust in a process of its own, because gevent patches the standard library."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psutil

from lab.load.plan import LoadPlan
from lab.load.samples import Sample, SampleReader
from lab.processes import stop_process

LOCUSTFILE: Final = Path(__file__).parents[3] / "locustfile.py"
_STOPPED_WITHIN_S: Final = 15.0
_LOG_SHOWN: Final = 2_000  # characters, after a failure


class GeneratorError(Exception):
    """Locust could not be run."""


@dataclass(slots=True)
class Generator:
    """A running Locust. Call `stop` in the end, whatever happens."""

    process: subprocess.Popen[bytes]
    reader: SampleReader
    log: IO[bytes]
    cpu_s: float = 0.0  # used since the start, as of the last poll
    _info: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        self._info = psutil.Process(self.process.pid)

    def poll(self) -> tuple[list[Sample], bool]:
        """New samples, and whether Locust still runs; after its end, all remaining samples."""
        running = self.process.poll() is None
        if running:
            times = self._info.cpu_times()
            self.cpu_s = times.user + times.system
        return self.reader.read_new(), running

    def describe_failure(self) -> str:
        """The end of Locust's output."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-_LOG_SHOWN:].strip()

    def stop(self) -> None:
        """Stop Locust if it still runs."""
        stop_process(self.process, _STOPPED_WITHIN_S)
        self.log.close()


def start_generator(plan: LoadPlan, hop_url: str, links: Path, directory: Path) -> Generator:
    """Start Locust headless.

    Args:
        plan: what to send.
        hop_url: without a slash at the end.
        links: a file that `lab.load.generator.links.save_links` wrote.
        directory: for samples and log; the caller removes it.

    Raises:
        GeneratorError: there is no locustfile.py.
    """
    if not LOCUSTFILE.exists():
        raise GeneratorError(f"{LOCUSTFILE.name} not found: a load test needs a checkout of hop")
    samples = directory / "samples.jsonl"
    log = (directory / "locust.log").open("w+b")
    process = subprocess.Popen(
        [*(sys.executable, "-m", "locust"), *_arguments(plan, hop_url, links, samples)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "HOP_API_KEY"},
    )
    return Generator(process, SampleReader(samples), log)


def _arguments(plan: LoadPlan, hop_url: str, links: Path, samples: Path) -> list[str]:
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
        "prepared": links,
        "samples": samples,
        # Failed requests are in the samples; another status than 0 is a failure of Locust.
        "exit-code-on-error": 0,
    }
    pairs = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return ["--headless", "--only-summary", *pairs]
